"""The photographs to measure with, a tar of class folders beside the checkout, and the passes over them that are timed.

Run as `python -m bench.images decode IMAGES` or `… store IMAGES FOLDER`; prints seconds.
"""

import os
import sys
import tarfile
import time
from pathlib import Path

from PIL import Image

from evaluation.contract import Protocol
from evaluation.engine.dataset import index_dataset
from evaluation.engine.pipeline import draw_order
from evaluation.engine.pixels import keep_pixels, lay_pixels

ARCHIVE = Path(__file__).resolve().parents[2] / "shared" / "data" / "imagenet-sample" / "images.tar"
PROTOCOL = Protocol(256, 224)


def find_photographs(folder: Path) -> Path:
    """Unpack the photographs and return the folder that holds their class folders."""
    if not ARCHIVE.exists():
        sys.exit(f"The photographs to measure with are not there: {ARCHIVE} (a tar of class folders).")
    with tarfile.open(ARCHIVE) as tar:
        tar.extractall(folder, filter="data")
    while len(inside := list(folder.iterdir())) == 1 and inside[0].is_dir():
        folder = inside[0]
    return folder


def lay_copies(photographs: Path, target: Path, copies: int) -> Path:
    """Return a folder that holds each photograph several times, under other names and without taking room."""
    for image in sorted(photographs.rglob("*.*")):
        (target / image.parent.name).mkdir(parents=True, exist_ok=True)
        for copy in range(copies):
            os.link(image, target / image.parent.name / f"{copy}-{image.name}")
    return target


def time_decoding(photographs: Path) -> float:
    """Return the seconds of a plain pass: open, decode, resize, crop, one image after the other."""
    started = time.perf_counter()
    for path in sorted(photographs.rglob("*.*")):
        with Image.open(path) as file:
            image = file.convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        image.crop((left, top, left + 224, top + 224)).load()
    return time.perf_counter() - started


def time_store(photographs: Path, folder: Path) -> float:
    """Return the seconds of building the store and laying out a run's pixels; the dataset's digests not counted."""
    dataset = index_dataset(photographs)
    started = time.perf_counter()
    order = draw_order(len(dataset.samples), 0)
    stored = keep_pixels(dataset, PROTOCOL, folder, lambda done, total: None)
    assert stored is not None, f"{folder} has no room"
    for _ in lay_pixels(stored, order, folder / "pixels.npy"):
        pass
    return time.perf_counter() - started


if __name__ == "__main__":
    what, images, *places = sys.argv[1:]
    print(time_decoding(Path(images)) if what == "decode" else time_store(Path(images), Path(places[0])))
