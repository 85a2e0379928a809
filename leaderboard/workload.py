"""How much work an evaluation is, and into which parts it is cut. Pure."""

import itertools
import math

from evaluation import catalogue

# By how much a network's layers shrink an image before most of its parameters see it.
STRIDE = 32
# An image whose protocol says no size, or a graph that has none on record.
USUAL_SIDE = 224
BYTES_PER_PARAMETER = 4
# How much more a GPU does in the time of a CPU; parts for it are larger by this.
GPU_FACTOR = 50
MOST_PARTS = 64


def estimate_multiply_adds(architecture: str, size_bytes: int | None, known: int | None = None) -> int:
    """Return the multiply-adds of one image: the measured number, or a guess from parameters and image size.

    The guess is within a factor of seven for the networks of the catalogue, which is enough to tell large from small.
    """
    if known:
        return known
    found = catalogue.find(architecture)
    parameters = found.parameters if found else (size_bytes or 0) // BYTES_PER_PARAMETER
    side = (found.protocol.crop if found else None) or USUAL_SIDE
    return math.ceil(parameters * (side / STRIDE) ** 2)


def cut(samples: int, multiply_adds: int, *, most: float, chunk: int) -> list[tuple[int, int]]:
    """Return the parts' bounds, none where one worker does it all. `most`: multiply-adds in one part.

    Parts begin and end between two chunks, so that every chunk holds the same images as in an unsplit run.
    """
    chunks = math.ceil(samples / chunk)
    count = min(math.ceil(samples * multiply_adds / most), chunks, MOST_PARTS)
    if count < 2:
        return []
    ends = [min(samples, chunks * number // count * chunk) for number in range(count + 1)]
    return list(itertools.pairwise(ends))
