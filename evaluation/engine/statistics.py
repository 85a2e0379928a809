"""Intervals of proportions. Paired tests are in `evaluation.paired`."""

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
