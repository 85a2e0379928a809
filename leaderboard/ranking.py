"""Rank rules. Pure: ties share a rank, missing scores never rank, the order is deterministic."""

import bisect
import math
from collections.abc import Sequence
from typing import NamedTuple, TypeGuard


class RankInterval(NamedTuple):
    """The best and the worst rank that the data allow."""

    low: int | None
    high: int | None


def order(value: float, direction: str) -> float:
    """Return the value with its sign such that more is better."""
    return -value if direction == "lower" else value


def is_known(score: float | None) -> TypeGuard[float]:
    """Tell whether there is a score; "not a number" is none, and would break every order."""
    return score is not None and not math.isnan(score)


def rank(scores: Sequence[float | None], *, direction: str) -> list[int | None]:
    """Return each score's rank, 1 for the best; ties share one and the next rank is skipped (1, 1, 3)."""
    ascending = sorted(order(score, direction) for score in scores if is_known(score))
    return [
        None if not is_known(score) else len(ascending) - bisect.bisect_right(ascending, order(score, direction)) + 1
        for score in scores
    ]


def best(scores: Sequence[float | None], count: int, *, direction: str) -> list[bool]:
    """Tell of each score whether it is among the best `count`, ties with the last of them included."""
    return [place is not None and place <= count for place in rank(scores, direction=direction)]


def rank_intervals_from_intervals(
    intervals: Sequence[tuple[float | None, float | None]], *, direction: str
) -> list[RankInterval]:
    """Return rank intervals from the overlap of confidence intervals, where no paired outcomes are at hand.

    An entry is surely behind those whose whole interval is better than its own, and surely before those whose whole
    interval is worse.
    """
    spans = [
        None if low is None or high is None else tuple(sorted((order(low, direction), order(high, direction))))
        for low, high in intervals
    ]
    lows = sorted(span[0] for span in spans if span is not None)
    highs = sorted(span[1] for span in spans if span is not None)
    return [
        RankInterval(None, None)
        if span is None
        else RankInterval(
            len(lows) - bisect.bisect_right(lows, span[1]) + 1, len(highs) - bisect.bisect_left(highs, span[0])
        )
        for span in spans
    ]
