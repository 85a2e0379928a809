"""Decoded, resized, cropped uint8 pixels, stored once per dataset and protocol and memory-mapped from then on."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL

from evaluation.contract import InputFault, Protocol
from evaluation.engine.dataset import Dataset
from evaluation.engine.preprocessing import decode, preprocess

Pixels = npt.NDArray[np.uint8]


def name_store(dataset: Dataset, protocol: Protocol) -> str:
    """Return the key of the pixels: everything that can change a single byte of them."""
    facts = [dataset.digest, protocol.resize, protocol.crop, protocol.interpolation, PIL.__version__, 1]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def open_pixels(dataset: Dataset, protocol: Protocol, store: Path, on_progress: Callable[[int, int], None]) -> Pixels:
    """Return the (N, H, W, 3) pixels in dataset order, built where they are not stored yet.

    Raises: InputFault where images come out in different sizes.
    """
    file = store / f"{name_store(dataset, protocol)}.npy"
    if not file.exists():
        build_pixels(dataset, protocol, file, on_progress)
    pixels: Pixels = np.load(file, mmap_mode="r", allow_pickle=False)
    return pixels


def build_pixels(dataset: Dataset, protocol: Protocol, file: Path, on_progress: Callable[[int, int], None]) -> None:
    """Decode every image once and put the file in place whole, so that a killed builder leaves nothing half done."""
    positions = {sample.path: position for position, sample in enumerate(dataset.samples)}
    total = len(positions)
    partial = file.with_suffix(f".{os.getpid()}.partial")
    pixels: np.memmap[tuple[int, ...], np.dtype[np.uint8]] | None = None
    try:
        for done, (sample, data) in enumerate(dataset.read_images(), start=1):
            image = preprocess(decode(data, sample.path), protocol)
            if pixels is None:
                pixels = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(total, *image.shape))
            if image.shape != pixels.shape[1:]:
                height, width = image.shape[:2]
                raise InputFault(
                    f"The image {sample.path} is {width}×{height} where others are {pixels.shape[2]}×{pixels.shape[1]};"
                    " give a protocol with a crop."
                )
            pixels[positions[sample.path]] = image
            on_progress(done, total)
        assert pixels is not None
        pixels.flush()
        del pixels
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
