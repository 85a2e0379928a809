"""How a verified score is held against its claim. Pure."""

from collections.abc import Iterable
from enum import StrEnum

# Scores carry three decimals; a difference of exactly the tolerance must not fall to the rounding of binary fractions.
ROUNDING = 1e-9


class Verdict(StrEnum):
    """What the comparison says, from the claim's point of view: the verified score is … the claim."""

    MATCH = "match"
    BELOW = "below"
    ABOVE = "above"
    NONE = "none"


def judge(claimed: float | None, verified: float | None, *, tolerance: float, direction: str) -> Verdict:
    """Return the verdict on one metric; "below" is worse and "above" is better, whatever the direction."""
    if claimed is None or verified is None:
        return Verdict.NONE
    gain = claimed - verified if direction == "lower" else verified - claimed
    if abs(gain) <= tolerance + ROUNDING:
        return Verdict.MATCH
    return Verdict.ABOVE if gain > 0 else Verdict.BELOW


def judge_all(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict over several metrics: one that is below outweighs all, then one that is above."""
    present = set(verdicts)
    return next((v for v in (Verdict.BELOW, Verdict.ABOVE, Verdict.MATCH) if v in present), Verdict.NONE)
