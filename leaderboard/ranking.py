"""Rank rules. Pure: ties share a rank, missing scores never rank, the order is deterministic."""

import bisect
import math
from collections.abc import Sequence
from typing import NamedTuple, TypeGuard

from evaluation.paired import mcnemar

ALPHA = 0.05
# Below this many variances no correction finds a difference at 5 %, above that many every one does.
NEVER, ALWAYS = 3.0, 80.0


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


def rank_intervals_from_outcomes(outcomes: Sequence[int]) -> list[RankInterval]:
    """Return rank intervals from paired tests on the same samples, as `evaluation.paired` packs their outcomes.

    All pairs are tested by McNemar's exact test with Holm's correction at 5 %; an entry's best rank counts those that
    are surely better, its worst those that are surely not. Source: S. Holm, "A simple sequentially rejective multiple
    test procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    count = len(outcomes)
    tests = sorted(
        (find_p_value(outcomes[one], outcomes[two]), one, two) for one in range(count) for two in range(one + 1, count)
    )
    beaten_by, beats = [0] * count, [0] * count
    for place, (p_value, one, two) in enumerate(tests):
        if p_value > ALPHA / (len(tests) - place):
            break
        better, worse = (one, two) if outcomes[one].bit_count() > outcomes[two].bit_count() else (two, one)
        beats[better] += 1
        beaten_by[worse] += 1
    return [RankInterval(1 + beaten_by[each], count - beats[each]) for each in range(count)]


def find_p_value(one: int, two: int) -> float:
    """Return the exact p value, or a stand-in where any correction would decide alike."""
    differ = one ^ two
    discordant, first = differ.bit_count(), (differ & one).bit_count()
    square = (2 * first - discordant) ** 2
    if square < NEVER * discordant or not discordant:
        return 1.0
    if square > ALWAYS * discordant:
        return 0.0
    return mcnemar(first, discordant - first)
