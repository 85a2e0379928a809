"""Holm's correction over many of McNemar's tests, most of which are decided without their exact p value.

Standard library only: the portal's tests and the engine's, which are the same over arrays, share what is here. A test
is known by its lead (by how many samples one model is ahead) and its discordant samples (that one alone gets right).

Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

ALPHA = 0.05
# With a lead of five all in one direction p is still 2 / 2^5, more than 5 %; more discordant samples only raise it.
LEAST_LEAD = 6
# Wider than what floating-point numbers lose on the way; what lies between is decided by the exact p value.
SLACK = 1e-6


class Bounds(NamedTuple):
    """The p value lies between those of a normal deviate of `high` and of `low`."""

    low: float
    high: float


def find_threshold(tests: int, count: Callable[[float], int]) -> float:
    """Return the p value up to which Holm rejects, of so many tests. `count`: how many have at most this p value."""
    rejected = 0
    while rejected < tests:
        threshold = ALPHA / (tests - rejected)
        if (found := count(threshold)) == rejected:
            return threshold
        rejected = found
    return ALPHA


def find_certainty(tests: int) -> float:
    """Return lead² ÷ discordant from which a test is rejected whatever the others say.

    Source: W. Hoeffding, "Probability inequalities for sums of bounded random variables", JASA 58, 1963: the two-sided
    p value is at most 2 exp(-lead² / (2 discordant)).
    """
    return 2 * math.log(2 * max(tests, 1) / ALPHA)


def find_deviate(p_value: float) -> float:
    """Return the deviate of the standard normal distribution that has this two-sided p value."""
    return -NormalDist().inv_cdf(p_value / 2)


def limit_discordant(right: int, other: int, samples: int) -> int:
    """Return the most samples that one of two models alone can get right, from how many each of them does."""
    return min(right + other, 2 * samples - right - other)


def bound(discordant: int, lead: int) -> Bounds:
    """Return the bounds of the exact p value.

    Source: A. Zubkov, A. Serov, "A complete proof of universal inequalities for the distribution function of the
    binomial law", Theory of Probability and Its Applications 57, 2013.
    """
    fewer = (discordant - lead) // 2
    low = measure_deviance(fewer + 1, discordant) if 2 * (fewer + 1) < discordant else 0.0
    return Bounds(math.sqrt(low), math.sqrt(measure_deviance(fewer, discordant)))


def measure_deviance(part: int, whole: int) -> float:
    """Return twice the log likelihood ratio of `part` of `whole` against a half."""
    parts = (part, whole - part)
    # Against a half it is never negative, but its rounded terms may add up to less.
    return max(0.0, 2 * sum(each * math.log1p((2 * each - whole) / whole) for each in parts if each))
