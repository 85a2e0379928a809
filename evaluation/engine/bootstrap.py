"""Samples drawn anew with replacement, always the same ones, so that models are compared on the same draws.

Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile interval).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

RESAMPLES = 1000
BLOCK = 50


def resample(samples: int) -> Iterator[Counts]:
    """Yield (BLOCK, samples) tables: how often each sample is drawn, with replacement, by a fixed seed."""
    random = np.random.default_rng(0)
    for _ in range(RESAMPLES // BLOCK):
        draws = random.integers(0, samples, (BLOCK, samples))
        yield np.stack([np.bincount(row, minlength=samples) for row in draws])


@dataclass(frozen=True)
class Resamples:
    """How often each sample is drawn, as the bits of that number: (RESAMPLES, bytes) packed bits, lowest first.

    Counting a model's right answers in every resample is then a few bit counts instead of a large product.
    """

    planes: tuple[npt.NDArray[np.uint64], ...]

    def count_right(self, right: npt.NDArray[np.bool_]) -> Counts:
        """Return (RESAMPLES,) how many of the drawn samples are right."""
        words = align(np.packbits(right, bitorder="little")[None])[0]
        counts = np.zeros(RESAMPLES, np.int64)
        for place, plane in enumerate(self.planes):
            for start in range(0, RESAMPLES, BLOCK):
                bits = np.bitwise_count(plane[start : start + BLOCK] & words)
                counts[start : start + BLOCK] += bits.sum(axis=1, dtype=np.int32).astype(np.int64) << place
        return counts


def align(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Return (M, W) words of (M, bytes) packed bits, filled up with zeros."""
    rows, size = packed.shape
    words = np.zeros((rows, -(-size // 8)), np.uint64)
    words.view(np.uint8)[:, :size] = packed
    return words


def draw_resamples(samples: int) -> Resamples:
    """Return all resamples; takes half a second for 50,000 samples, and serves any number of models."""
    tables = [table.astype(np.uint8) for table in resample(samples)]
    depth = int(max(table.max() for table in tables)).bit_length()
    planes = (
        np.concatenate([np.packbits(table >> place & 1, axis=1, bitorder="little") for table in tables])
        for place in range(depth)
    )
    return Resamples(tuple(align(plane) for plane in planes))


def find_interval(values: npt.NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Return the 95 % percentile interval of what the resamples gave."""
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
