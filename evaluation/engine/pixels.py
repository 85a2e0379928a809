"""Decoded, resized, cropped uint8 pixels, stored once per dataset and protocol and memory-mapped from then on."""

import errno
import hashlib
import json
import math
import os
from collections.abc import Callable, Container, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import PIL

from evaluation.contract import InputFault, Protocol
from evaluation.engine.ahead import work_ahead
from evaluation.engine.dataset import Dataset, Sample
from evaluation.engine.preprocessing import decode_aloud, find_fill, preprocess, quietly
from evaluation.engine.whole import put_whole

Pixels = npt.NDArray[np.uint8]
Order = npt.NDArray[np.int64]
OnProgress = Callable[[int, int], None]

CHUNK = 512
# Images that one thread lays out at a time.
BLOCK = 64
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def name_store(dataset: Dataset, protocol: Protocol) -> str:
    """Return the key of the pixels: everything that can change a single byte of them."""
    facts = [dataset.digest, protocol.resize, protocol.crop, protocol.interpolation, PIL.__version__, 1]
    # Only with a border does the mean, which is subtracted later, colour the pixels.
    facts += [] if protocol.crop_mode == "center" else [protocol.crop_mode, *find_fill(protocol)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def keep_pixels(dataset: Dataset, protocol: Protocol, store: Path, on_progress: OnProgress) -> Pixels | None:
    """Return the stored (N, H, W, 3) pixels of all samples, decoded first where they are not there yet.

    None where the store has no room for them. Raises: InputFault where images come out in different sizes; OSError.
    """
    file = store / f"{name_store(dataset, protocol)}.npy"
    try:
        if not file.exists():
            build_pixels(dataset, protocol, np.arange(len(dataset.samples)), file, on_progress)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        return None
    pixels: Pixels = np.load(file, mmap_mode="r", allow_pickle=False)
    return pixels


def lay_pixels(pixels: Pixels, order: Order, target: Path) -> Generator[int, None, None]:
    """Write the pixels of these samples in this order, and yield how many are there: 0 once the file has its full size.

    Whoever reads it meanwhile finds what has been told of. Raises: OSError.
    """
    with target.open("wb", buffering=0) as file:
        write_header(file, (len(order), *pixels.shape[1:]))
        begin, size = file.tell(), math.prod(pixels.shape[1:])
        file.truncate(begin + len(order) * size)
        yield 0

        def lay(start: int) -> int:
            stop = min(start + BLOCK, len(order))
            for place in range(start, stop):
                write_at(file.fileno(), pixels[order[place]].data.cast("B"), begin + place * size)
            return stop

        yield from work_ahead(lay, range(0, len(order), BLOCK))


def write_at(file: int, data: memoryview, position: int) -> None:
    """Write all of it: where room runs out, the system takes a piece before it says so."""
    while data:
        written = os.pwrite(file, data, position)
        data, position = data[written:], position + written


def digest_pixels(dataset: Dataset, protocol: Protocol, store: Path) -> str | None:
    """Return the digest of the stored pixels, in dataset order with their shape; None where they are not stored.

    It is worked out once and kept beside them: ImageNet's validation set takes some seconds.
    """
    file = store / f"{name_store(dataset, protocol)}.npy"
    note = file.with_suffix(".sha256")
    if not file.exists():
        return None
    if note.exists():
        return note.read_text()
    pixels = np.load(file, mmap_mode="r", allow_pickle=False)
    content = hashlib.sha256(json.dumps(pixels.shape).encode())
    for start in range(0, len(pixels), CHUNK):
        content.update(np.ascontiguousarray(pixels[start : start + CHUNK]).data)
    digest = f"sha256:{content.hexdigest()}"
    # Without room for it, it is worked out again the next time.
    with suppress(OSError), put_whole(note) as partial:
        partial.write_text(digest)
    return digest


def write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


@contextmanager
def open_new(target: Path, shape: tuple[int, ...]) -> Iterator[Pixels]:
    """Yield a mapped array to fill in any order.

    The room is taken first: a mapped file that the disk cannot hold kills the process that writes to it.
    """
    with put_whole(target) as partial:
        with partial.open("wb") as file:
            write_header(file, shape)
            begin, size = file.tell(), math.prod(shape)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, begin + size)
            else:  # macOS
                file.truncate(begin + size)
        pixels = np.memmap(partial, np.uint8, "r+", begin, shape)
        yield pixels
        pixels.flush()


def build_pixels(dataset: Dataset, protocol: Protocol, order: Order, target: Path, on_progress: OnProgress) -> None:
    """Decode every image once and write it to its place in the order. Raises: InputFault, OSError."""
    positions = {dataset.samples[sample].path: position for position, sample in enumerate(order)}
    with ExitStack() as stack:
        pixels: Pixels | None = None
        stack.enter_context(quietly())
        shown = stack.enter_context(closing(decode_all(dataset, protocol, positions)))
        for done, (name, image) in enumerate(shown, start=1):
            if pixels is None:
                pixels = stack.enter_context(open_new(target, (len(order), *image.shape)))
            check_size(image, pixels, name)
            pixels[positions[name]] = image
            on_progress(done, len(order))


def decode_all(
    dataset: Dataset, protocol: Protocol, wanted: Container[str]
) -> Generator[tuple[str, Pixels], None, None]:
    """Yield the names and pixels of the wanted images in the order in which the source gives them fastest."""

    def show(item: tuple[Sample, bytes]) -> tuple[str, Pixels]:
        sample, data = item
        return sample.path, preprocess(decode_aloud(data, sample.path), protocol, sample.path)

    return work_ahead(show, (item for item in dataset.read_images() if item[0].path in wanted))


def check_size(image: Pixels, pixels: Pixels, name: str) -> None:
    """Raises: InputFault where the image has not the others' size."""
    if image.shape != pixels.shape[1:]:
        height, width = image.shape[:2]
        raise InputFault(
            f"The image {name} is {width}×{height} where others are {pixels.shape[2]}×{pixels.shape[1]};"
            " give a protocol with a crop."
        )
