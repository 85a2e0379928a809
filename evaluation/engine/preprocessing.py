"""Preprocessing exactly as the reference does it: torchvision's and timm's evaluation transforms on PIL images.

Source: torchvision `transforms` Resize, CenterCrop, ToTensor, Normalize (references/classification/presets.py); timm
`transforms_imagenet_eval` with ResizeKeepRatio and CenterCropOrPad for the crop modes squash and border.

What is done with unusual images, which is what the reference's `Image.open(file).convert("RGB")` does:

- truncated, of zero bytes, or no image: refused by name; the run stops, as a score without it is another score;
- CMYK, palette, grey, with transparency: converted to RGB by PIL, transparency dropped;
- 16 bits a channel: PIL clips a grey one to 0–255, it does not scale it, and keeps the high bytes of a coloured one;
- EXIF orientation: ignored, the pixels are taken as they are stored.
"""

import ctypes
import functools
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, _imaging

from evaluation.contract import InputFault, Protocol

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}
# An image that inflates to more pixels than this is refused, not decoded; nor is a line scaled to as many.
MAX_PIXELS = 200_000_000
# Without a handler, what Pillow logs of an image goes to standard error, beside our sentence.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def decode(data: bytes, name: str) -> Image.Image:
    """Decode one image to RGB as the reference does: no EXIF rotation, CMYK and palettes converted by PIL.

    Raises: InputFault, naming the image, where it is empty, truncated or no image.
    """
    with quietly():
        return decode_aloud(data, name)


@functools.cache
def silence_libtiff() -> None:
    """Keep libtiff from writing what is wrong with an image to standard error itself, beside our sentence.

    Pillow has no switch for it. Where its extension does not lead to the library, the lines stay.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(_imaging.__file__)
        for silence in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            silence.argtypes, silence.restype = [ctypes.c_void_p], ctypes.c_void_p
            silence(None)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep what Pillow warns of to itself. The filters are the process's: threads are started inside of it."""
    silence_libtiff()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode_aloud(data: bytes, name: str) -> Image.Image:
    """Decode as `decode` does, and let Pillow warn of what is unusual."""
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputFault(f"The image {name} has {image.width}×{image.height} pixels, more than we decode.")
            return image.convert("RGB")
    except (InputFault, MemoryError):
        raise
    # What a damaged image makes of Pillow is one of many errors, down to TypeError; each is the image's fault.
    except Exception as error:
        reason = "is empty" if not data else "cannot be decoded (it may be truncated)"
        raise InputFault(f"The image {name} {reason}; replace or remove it.") from error


def resize(image: Image.Image, side: int, interpolation: str, crop_mode: str, name: str) -> Image.Image:
    """Scale to the size that `find_size` gives; what has it already is left as it is. Raises: InputFault."""
    size = find_size(*image.size, side, crop_mode)
    if size[0] * size[1] > MAX_PIXELS:
        before, after = (f"{width}×{height}" for width, height in (image.size, size))
        raise InputFault(
            f"The image {name} of {before} pixels becomes one of {after}, more than is evaluated; remove it."
        )
    return image if size == image.size else image.resize(size, RESAMPLING[interpolation])


def find_size(width: int, height: int, side: int, crop_mode: str) -> tuple[int, int]:
    """Return width and height after the resize, rounded as each reference rounds."""
    if crop_mode == "squash":
        return side, side
    if crop_mode == "border":
        # The division is timm's; multiplying by its inverse would round some sizes otherwise. It fails on images so
        # narrow that nothing is left of them, of which we keep a line.
        ratio = max(height / side, width / side)
        return max(1, round(width / ratio)), max(1, round(height / ratio))
    short, long = min(width, height), max(width, height)
    if short == side:
        return width, height
    # torchvision cuts fractions off where timm rounds.
    other = int(side * long / short)
    return (side, other) if width <= height else (other, side)


Colour = tuple[int, int, int]
BLACK: Colour = (0, 0, 0)


def find_fill(protocol: Protocol) -> Colour:
    """Return the colour around images that are smaller than the crop."""
    if protocol.crop_mode != "border":
        return BLACK
    red, green, blue = (round(255 * value) for value in protocol.mean)
    return red, green, blue


def crop_centre(image: Image.Image, side: int, fill: Colour = BLACK) -> Image.Image:
    """Cut the centre square; what is smaller is padded first, as torchvision's CenterCrop does."""
    width, height = image.size
    if width < side or height < side:
        left, top = max(0, (side - width) // 2), max(0, (side - height) // 2)
        padded = Image.new("RGB", (max(width, side), max(height, side)), fill)
        padded.paste(image, (left, top))
        image, (width, height) = padded, padded.size
    # Python's round, half to even, is what the reference uses.
    left, top = round((width - side) / 2.0), round((height - side) / 2.0)
    return image.crop((left, top, left + side, top + side))


def preprocess(image: Image.Image, protocol: Protocol, name: str) -> npt.NDArray[np.uint8]:
    """Return the (H, W, 3) uint8 pixels that the network sees, before normalisation. Raises: InputFault by the name."""
    if protocol.resize is not None:
        image = resize(image, protocol.resize, protocol.interpolation, protocol.crop_mode, name)
    if protocol.crop is not None:
        image = crop_centre(image, protocol.crop, find_fill(protocol))
    return np.asarray(image, dtype=np.uint8)
