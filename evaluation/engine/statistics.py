"""Intervals and paired tests on counts."""

import math

Z95 = 1.959963984540054


def wilson(correct: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion, as fractions from 0 to 1.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927.
    """
    share = correct / total
    centre = share + Z95**2 / (2 * total)
    spread = Z95 * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    scale = 1 + Z95**2 / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p value of a paired comparison, from the samples that one alone gets right.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions", 1947; exact
    binomial form.
    """
    discordant, fewer = only_first + only_second, min(only_first, only_second)
    if discordant == 0:
        return 1.0
    log_half = discordant * math.log(0.5)
    tail = math.fsum(
        math.exp(log_half + math.lgamma(discordant + 1) - math.lgamma(k + 1) - math.lgamma(discordant - k + 1))
        for k in range(fewer + 1)
    )
    return min(1.0, 2 * tail)
