import io
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from evaluation.contract import INTERPOLATIONS, InputFault, Protocol
from evaluation.engine.predict import normalise
from evaluation.engine.preprocessing import decode, preprocess
from tests.engine.networks import MEAN, STD

MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK")


def draw(width: int, height: int, mode: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(width * 10_007 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


def encode(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def reference(data: bytes, protocol: Protocol) -> torch.Tensor:
    """Return the (3, H, W) input of torchvision's pipeline."""
    steps: list[object] = []
    if protocol.resize is not None:
        steps.append(transforms.Resize(protocol.resize, InterpolationMode(protocol.interpolation), antialias=True))
    if protocol.crop is not None:
        steps.append(transforms.CenterCrop(protocol.crop))
    steps += [transforms.ToTensor(), transforms.Normalize(protocol.mean, protocol.std)]
    with Image.open(io.BytesIO(data)) as image:
        return torch.as_tensor(transforms.Compose(steps)(image.convert("RGB")))


def engine(data: bytes, protocol: Protocol) -> torch.Tensor:
    pixels = torch.from_numpy(preprocess(decode(data, "image"), protocol).copy())[None]
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (protocol.mean, protocol.std))
    return normalise(pixels, mean, std)[0]


@settings(max_examples=150, deadline=None)
@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    resize=st.none() | st.integers(1, 90),
    crop=st.none() | st.integers(1, 90),
    interpolation=st.sampled_from(INTERPOLATIONS),
)
def test_network_input_is_torchvisions_bit_for_bit(
    size: tuple[int, int], resize: int | None, crop: int | None, interpolation: str
) -> None:
    data = encode(draw(*size), "PNG")
    protocol = Protocol(resize, crop, interpolation, MEAN, STD)
    assert torch.equal(engine(data, protocol), reference(data, protocol))


@pytest.mark.parametrize("mode", MODES)
def test_every_colour_mode_is_decoded_as_the_reference_does(mode: str) -> None:
    data = encode(draw(70, 51, mode), "TIFF")
    protocol = Protocol(40, 32)
    assert torch.equal(engine(data, protocol), reference(data, protocol))


def test_jpeg_orientation_is_ignored_as_the_reference_ignores_it() -> None:
    image, buffer = draw(60, 40), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(buffer, "JPEG", exif=exif)
    protocol = Protocol()
    assert engine(buffer.getvalue(), protocol).shape == (3, 40, 60)
    assert torch.equal(engine(buffer.getvalue(), protocol), reference(buffer.getvalue(), protocol))


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "is empty"), (b"no image", "cannot be decoded"), (None, "cannot be decoded")]
)
def test_unreadable_image_is_named(data: bytes | None, reason: str) -> None:
    truncated = encode(draw(90, 90), "JPEG")[:-900]
    with pytest.raises(InputFault, match=f"^The image cat/1.jpg {reason}"):
        decode(truncated if data is None else data, "cat/1.jpg")


def test_grey_image_of_sixteen_bits_is_clipped_as_the_reference_clips_it() -> None:
    values = np.array([[0, 100, 255, 256, 40_000, 65_535]], dtype=np.uint16)
    data, protocol = encode(Image.fromarray(values), "PNG"), Protocol()
    assert np.asarray(decode(data, "image"))[0, :, 0].tolist() == [0, 100, 255, 255, 255, 255]
    assert torch.equal(engine(data, protocol), reference(data, protocol))


def write_png(pixels: np.ndarray[tuple[int, int, int], np.dtype[np.uint16]]) -> bytes:
    """Encode (H, W, 3) pixels of 16 bits a channel, which PIL cannot write."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows))]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [*parts, (b"IEND", b"")]
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_coloured_image_of_sixteen_bits_keeps_its_high_bytes() -> None:
    pixels = np.random.default_rng(0).integers(0, 65_536, (9, 7, 3), dtype=np.uint16)
    assert np.array_equal(np.asarray(decode(write_png(pixels), "image")), pixels >> 8)
