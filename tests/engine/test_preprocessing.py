import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform
from torchvision import models, transforms
from torchvision.transforms import InterpolationMode

from evaluation import catalogue
from evaluation.contract import CROP_MODES, INTERPOLATIONS, InputFault, Protocol
from evaluation.engine.dataset import Dataset
from evaluation.engine.pixels import name_store
from evaluation.engine.predictor import normalise
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
    pixels = torch.from_numpy(preprocess(decode(data, "image"), protocol, "image").copy())[None]
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


# Every way in which timm's architectures are shown images: three crop modes, shares of the image, sizes, kernels.
PUBLISHED = (
    "deepseek_vit_412m",  # border
    "dm_nfnet_f0",  # squash of more than is cropped, at its size for tests
    "tf_efficientnetv2_b3",
    "vit_medium_patch16_gap_384",
    "vit_base_patch16_lingbot",  # squash, bilinear
    "eva_giant_patch14_336",
    "inception_v4",
    "convnext_tiny",
    "nasnetalarge",
)
SIZES = ((500, 375), (375, 500), (301, 299), (640, 97), (20, 30), (1, 2))


def transform_as_timm(name: str) -> transforms.Compose:
    """Return the transform with which timm's own validation shows images to this architecture, at its test size."""
    config = timm.get_pretrained_cfg(name)
    assert config is not None
    return create_transform(**resolve_data_config(pretrained_cfg=config.to_dict(), use_test_size=True))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_protocol_is_timms_own_bit_for_bit(name: str) -> None:
    known, transform = catalogue.find(f"timm/{name}"), transform_as_timm(name)
    assert known is not None
    for size in SIZES:
        image = draw(*size)
        assert torch.equal(engine(encode(image, "PNG"), known.protocol), transform(image)), size


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(40, 300), st.integers(40, 300)),
    side=st.integers(8, 90),
    share=st.sampled_from((0.5, 0.875, 0.95, 1.0)),
    mode=st.sampled_from(CROP_MODES),
    interpolation=st.sampled_from(("bilinear", "bicubic")),
)
def test_every_crop_mode_is_timms_bit_for_bit(
    size: tuple[int, int], side: int, share: float, mode: str, interpolation: str
) -> None:
    transform = create_transform(
        input_size=(3, side, side), crop_pct=share, crop_mode=mode, interpolation=interpolation, mean=MEAN, std=STD
    )
    protocol, image = Protocol(int(side / share), side, interpolation, MEAN, STD, mode), draw(*size)
    assert torch.equal(engine(encode(image, "PNG"), protocol), transform(image))


@pytest.mark.parametrize(
    "name", ["resnet18", "regnet_y_400mf", "vit_h_14", "swin_v2_t", "inception_v3", "efficientnet_b4"]
)
def test_published_protocol_is_torchvisions_preset_bit_for_bit(name: str) -> None:
    known, preset = catalogue.find(f"torchvision/{name}"), next(iter(models.get_model_weights(name))).transforms()
    assert known is not None
    for size in SIZES[:-1]:
        image = draw(*size)
        assert torch.equal(engine(encode(image, "PNG"), known.protocol), preset(image)), size


def test_image_too_narrow_for_its_border_keeps_a_line_of_pixels() -> None:
    protocol = Protocol(8, 8, mean=(0.0, 0.5, 1.0), crop_mode="border")
    pixels = preprocess(Image.new("RGB", (2, 200), (255, 0, 0)), protocol, "image")
    assert pixels[:, 3].tolist() == [[255, 0, 0]] * 8
    assert pixels[:, [0, 1, 2, 4, 5, 6, 7]].reshape(-1, 3).tolist() == [[0, 128, 255]] * 56


def test_line_that_would_be_scaled_to_gigabytes_is_refused() -> None:
    with pytest.raises(
        InputFault, match=r"^The image cat/1\.png of 1×9000 pixels becomes one of 256×2304000, more than"
    ):
        preprocess(Image.new("RGB", (1, 9000)), Protocol(resize=256, crop=224), "cat/1.png")


def test_mean_is_part_of_the_pixels_where_it_colours_their_border() -> None:
    dataset = Dataset(Path("images"), (), (), "sha256:0")
    for mode, is_part in (("center", False), ("squash", False), ("border", True)):
        names = {name_store(dataset, Protocol(8, 8, mean=mean, crop_mode=mode)) for mean in (MEAN, (0.5, 0.5, 0.5))}
        assert (len(names) == 2) == is_part, mode


def test_crop_mode_without_the_size_it_speaks_of_is_refused() -> None:
    with pytest.raises(InputFault, match="needs a resize"):
        Protocol.from_dict({"crop": 224, "crop_mode": "squash"})
    with pytest.raises(InputFault, match="use one of center, squash, border"):
        Protocol.from_dict({"crop": 224, "crop_mode": "middle"})


@pytest.mark.parametrize("mode", MODES)
def test_every_colour_mode_is_decoded_as_the_reference_does(mode: str) -> None:
    data = encode(draw(70, 51, mode), "TIFF")
    protocol = Protocol(40, 32)
    assert torch.equal(engine(data, protocol), reference(data, protocol))


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_jpeg_in_the_inks_of_print_is_decoded_as_the_reference_does(mode: str) -> None:
    data = encode(draw(70, 51, mode), "JPEG")
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == mode
    protocol = Protocol(40, 32)
    assert torch.equal(engine(data, protocol), reference(data, protocol))


def test_palette_with_a_transparent_colour_loses_the_transparency_alone() -> None:
    image, buffer = draw(70, 51, "P"), io.BytesIO()
    image.save(buffer, "PNG", transparency=3)
    protocol = Protocol()
    assert np.array_equal(np.asarray(decode(buffer.getvalue(), "image")), np.asarray(image.convert("RGB")))
    assert torch.equal(engine(buffer.getvalue(), protocol), reference(buffer.getvalue(), protocol))


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
