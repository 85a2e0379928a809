"""Rank rules. Pure: ties share a rank, missing scores never rank, the order is deterministic."""

import bisect
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeGuard

from evaluation import holm
from evaluation.paired import mcnemar


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
    intervals: Sequence[tuple[float | None, float | None]],
    *,
    direction: str,
    paired: Mapping[int, RankInterval] | None = None,
) -> list[RankInterval]:
    """Return rank intervals from the overlap of confidence intervals, where no paired outcomes are at hand.

    An entry is surely behind those whose whole interval is better than its own, and surely before those whose whole
    interval is worse. `paired`: of some entries, by their places, what paired tests among them alone say.
    """
    spans = [orient(low, high, direction) for low, high in intervals]
    paired = paired or {}
    everyone = Spans([span for span in spans if span])
    others = Spans([span for place, span in enumerate(spans) if span and place not in paired])
    found = []
    for place, span in enumerate(spans):
        if span is None:
            found.append(RankInterval(None, None))
        elif (own := paired.get(place)) and own.low and own.high:
            before, behind = own.low - 1 + others.count_better(span), len(paired) - own.high + others.count_worse(span)
            found.append(RankInterval(1 + before, everyone.count - behind))
        else:
            found.append(RankInterval(1 + everyone.count_better(span), everyone.count - everyone.count_worse(span)))
    return found


Span = tuple[float, float]


def orient(low: float | None, high: float | None, direction: str) -> Span | None:
    """Return an interval with its worse end first, None where an end is not known."""
    if low is None or high is None:
        return None
    one, other = sorted((order(low, direction), order(high, direction)))
    return one, other


class Spans:
    """Intervals among which another's place is sought."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.count = len(spans)
        self.worse_ends, self.better_ends = (sorted(ends) for ends in zip(*spans, strict=True)) if spans else ([], [])

    def count_better(self, span: Span) -> int:
        """Return how many lie wholly above."""
        return self.count - bisect.bisect_right(self.worse_ends, span[1])

    def count_worse(self, span: Span) -> int:
        """Return how many lie wholly below."""
        return bisect.bisect_left(self.better_ends, span[0])


def rank_intervals_from_outcomes(outcomes: Sequence[int]) -> list[RankInterval]:
    """Return rank intervals from paired tests on the same samples, as `evaluation.paired` packs their outcomes.

    All pairs are tested by McNemar's exact test with Holm's correction at 5 %; an entry's best rank counts those that
    are surely better, its worst those that are surely not. The engine's `ranks` does the same for large boards.
    """
    count = len(outcomes)
    tests = Pairs(count * (count - 1) // 2)
    right = [each.bit_count() for each in outcomes]
    order = sorted(range(count), key=right.__getitem__, reverse=True)
    samples = max((each.bit_length() for each in outcomes), default=0)
    for place, better in enumerate(order):
        for later, worse in enumerate(order[place + 1 :], start=place + 1):
            lead = right[better] - right[worse]
            if lead < holm.LEAST_LEAD:
                continue
            if lead * lead >= tests.certainty * holm.limit_discordant(right[better], right[worse], samples):
                # Those that follow have fewer right still.
                tests.certain += [(better, each) for each in order[later:]]
                break
            tests.add(better, worse, (outcomes[better] ^ outcomes[worse]).bit_count(), lead)
    beats, beaten_by = Counter[int](), Counter[int]()
    for better, worse in tests.reject():
        beats[better] += 1
        beaten_by[worse] += 1
    return [RankInterval(1 + beaten_by[each], count - beats[each]) for each in range(count)]


class Pairs:
    """So many tests, and what is known of each that may be rejected: better model, worse model, counts, bounds."""

    def __init__(self, total: int) -> None:
        self.total, self.certainty = total, holm.find_certainty(total)
        self.certain: list[tuple[int, int]] = []
        self.open: list[tuple[int, int, int, int, holm.Bounds]] = []

    def add(self, better: int, worse: int, discordant: int, lead: int) -> None:
        if lead * lead >= self.certainty * discordant:
            self.certain.append((better, worse))
        else:
            self.open.append((better, worse, discordant, lead, holm.bound(discordant, lead)))

    def reject(self) -> list[tuple[int, int]]:
        """Return better and worse model of each test that Holm rejects."""
        threshold = holm.find_threshold(self.total, lambda p_value: len(self.certain) + len(self.find_below(p_value)))
        return self.certain + self.find_below(threshold)

    def find_below(self, p_value: float) -> list[tuple[int, int]]:
        """Return the open tests of at most this p value; few are so close to it that their own is needed."""
        deviate, below = holm.find_deviate(p_value), list[tuple[int, int]]()
        for better, worse, discordant, lead, (low, high) in self.open:
            if low > deviate + holm.SLACK or (high > deviate - holm.SLACK and is_below(p_value, discordant, lead)):
                below.append((better, worse))
        return below


def is_below(p_value: float, discordant: int, lead: int) -> bool:
    return mcnemar((discordant - lead) // 2, (discordant + lead) // 2) <= p_value
