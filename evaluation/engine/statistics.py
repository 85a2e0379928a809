"""Intervals of proportions, and exact paired tests by the thousand; `evaluation.paired` has a single one."""

import math

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

Z95 = 1.959963984540054
# How many terms of a tail are taken at a time.
BLOCK = 64
STEPS = np.arange(BLOCK, dtype=np.float64)
# Where the series of `correct_stirling` is not yet exact to the last digit; there is none of 0.
SMALL = np.array(
    [0.0] + [math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - math.log(2 * math.pi) / 2 for n in range(1, 16)]
)


def wilson(correct: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion, as fractions from 0 to 1.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927.
    """
    share = correct / total
    centre = share + Z95**2 / (2 * total)
    spread = Z95 * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    scale = 1 + Z95**2 / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def mcnemar(only_first: Counts, only_second: Counts) -> Values:
    """Return (P,) two-sided exact p values of P paired tests, as `evaluation.paired.mcnemar` gives one."""
    fewer, discordant = np.minimum(only_first, only_second), only_first + only_second
    lead = discordant - 2 * fewer
    # The sum that has fewer terms: what lies between the two outcomes, or the tails beyond them.
    is_near = (lead > 0) & (lead * lead <= 4 * discordant)
    p_values = np.ones(len(fewer))
    for chosen, is_tail in ((is_near, False), (lead * lead > 4 * discordant, True)):
        k, n = fewer[chosen], discordant[chosen]
        sums = 2 * sum_tails(k, n) if is_tail else -sum_middles(k, n)
        p_values[chosen] = (not is_tail) + sums * find_terms(k, n)
    return p_values


def measure_deviance(part: Counts, whole: Counts) -> Values:
    """Return `holm.measure_deviance` of each: twice the log likelihood ratio of `part` of `whole` against a half."""
    # Of nothing the logarithm is infinite, and what stands in for it is taken no time.
    terms = [each * np.log1p(np.maximum(2 * each - whole, 1 - whole) / whole) for each in (part, whole - part)]
    deviances: Values = np.maximum(0.0, 2 * (terms[0] + terms[1]))
    return deviances


def find_terms(fewer: Counts, discordant: Counts) -> Values:
    """Return the probability of each `fewer` of `discordant` tosses of a coin.

    Source: C. Loader, "Fast and accurate computation of binomial probabilities", 2000: without the difference of large
    logarithms, which would lose digits.
    """
    more, least = discordant - fewer, np.maximum(fewer, 1)
    logarithms = correct_stirling(discordant) - correct_stirling(least) - correct_stirling(more)
    logarithms -= measure_deviance(fewer, discordant) / 2
    terms = np.exp(logarithms) * np.sqrt(discordant / (2 * np.pi * least * more))
    return np.where(fewer == 0, np.exp2(-discordant.astype(np.float64)), terms)


def correct_stirling(numbers: Counts) -> Values:
    """Return by how much Stirling's formula falls short of the logarithm of each factorial, of numbers from 1 on."""
    inverse = 1 / numbers.astype(np.float64)
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))))
    return np.where(numbers < len(SMALL), SMALL[np.minimum(numbers, len(SMALL) - 1)], series)


def sum_middles(fewer: Counts, discordant: Counts) -> Values:
    """Return the sum of the terms between each `fewer` and its mirror image, as a multiple of the term at either."""
    between = (discordant - 2 * fewer - 1)[:, None]
    steps = np.arange(1, between.max(initial=0) // 2 + 2)
    terms = (discordant - fewer + 1)[:, None] - steps
    products = np.multiply.accumulate(terms / (fewer[:, None] + steps), axis=1)
    # They rise to the middle, which an odd number of terms has once and all others twice.
    sums: Values = (products * np.clip(between - 2 * (steps - 1), 0, 2)).sum(axis=1)
    return sums


def sum_tails(fewer: Counts, discordant: Counts) -> Values:
    """Return each binomial tail's sum as a multiple of its largest term, downwards from it."""
    sums, last, places = np.ones(len(fewer)), np.ones((len(fewer), 1)), np.arange(len(fewer))
    down, up = fewer.astype(np.float64)[:, None], (discordant - fewer + 1).astype(np.float64)[:, None]
    while len(places):
        # A few terms at a time, each the one before times k / (n - k + 1); those past k = 0 come out as 0.
        terms = np.maximum(down - STEPS, 0)
        terms /= up + STEPS
        terms[:, :1] *= last
        np.multiply.accumulate(terms, axis=1, out=terms)
        sums[places] += terms.sum(axis=1)
        goes_on = terms[:, -1] > 1e-16 * sums[places]
        places, last, down, up = places[goes_on], terms[goes_on, -1:], down[goes_on] - BLOCK, up[goes_on] + BLOCK
    return sums
