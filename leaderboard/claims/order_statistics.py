"""Order statistics in plain Python: rank correlation, and how likely a column lies in its order by chance. Pure."""

import itertools
import math
from collections.abc import Sequence


def average_ranks(values: Sequence[float]) -> list[float]:
    """Return ranks from 1, ties sharing the mean of their places."""
    places = sorted(range(len(values)), key=lambda place: values[place])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(places):
        end = start
        while end < len(places) and values[places[end]] == values[places[start]]:
            end += 1
        for place in places[start:end]:
            ranks[place] = (start + 1 + end) / 2
        start = end
    return ranks


def correlate_linearly(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Return Pearson's r in -1 … 1, None where a side does not vary."""
    count = len(left)
    if count < 2:
        return None
    left_mean, right_mean = math.fsum(left) / count, math.fsum(right) / count
    shared = math.fsum((a - left_mean) * (b - right_mean) for a, b in zip(left, right, strict=True))
    spread = math.sqrt(math.fsum((a - left_mean) ** 2 for a in left) * math.fsum((b - right_mean) ** 2 for b in right))
    return shared / spread if spread else None


def correlate_ranks(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Return Spearman's rho in -1 … 1, None where a side does not vary.

    Source: C. Spearman, The Proof and Measurement of Association between Two Things, 1904.
    """
    return correlate_linearly(average_ranks(left), average_ranks(right))


def is_monotone(values: Sequence[float]) -> bool:
    """Tell whether the values never rise or never fall, and are not all the same."""
    pairs = list(itertools.pairwise(values))
    return len(set(values)) > 1 and (all(a >= b for a, b in pairs) or all(a <= b for a, b in pairs))


def chance_of_monotone(values: Sequence[float]) -> float:
    """Return the probability that a random order of these values never rises or never falls.

    Of n! orders of distinct values two are monotone; k equal values may swap places without a trace.
    """
    swaps = math.fsum(math.lgamma(values.count(value) + 1) for value in set(values))
    return min(1.0, 2 * math.exp(swaps - math.lgamma(len(values) + 1)))
