import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.paired import compare
from leaderboard.ranking import (
    RankInterval,
    best,
    rank,
    rank_intervals_from_intervals,
    rank_intervals_from_outcomes,
)

columns = st.lists(st.none() | st.integers(0, 12).map(float), max_size=40)
directions = st.sampled_from(["higher", "lower"])
spans = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda s: (float(s[0]), float(s[0] + s[1]))))


def test_ties_share_a_rank_and_the_next_is_skipped() -> None:
    assert rank([80.0, 80.0, 79.0], direction="higher") == [1, 1, 3]
    assert rank([80.0, 80.0, 79.0], direction="lower") == [2, 2, 1]


def test_missing_scores_never_rank() -> None:
    assert rank([None, 1.0, float("nan"), 2.0], direction="higher") == [None, 2, None, 1]


@given(columns, directions)
def test_rank_is_one_more_than_the_number_of_better_scores(scores: list[float | None], direction: str) -> None:
    known = [score for score in scores if score is not None]
    for score, place in zip(scores, rank(scores, direction=direction), strict=True):
        if score is None:
            assert place is None
        else:
            better = [x for x in known if (x > score if direction == "higher" else x < score)]
            assert place == 1 + len(better)


@given(columns, directions, st.randoms())
def test_rank_does_not_depend_on_the_order_of_rows(
    scores: list[float | None], direction: str, shuffler: random.Random
) -> None:
    pairs = list(zip(scores, rank(scores, direction=direction), strict=True))
    shuffler.shuffle(pairs)
    assert rank([score for score, _ in pairs], direction=direction) == [place for _, place in pairs]


@given(spans, directions)
def test_rank_interval_counts_the_surely_better_and_the_surely_worse(
    intervals: list[tuple[float, float]], direction: str
) -> None:
    found = rank_intervals_from_intervals(intervals, direction=direction)
    for (low, high), place in zip(intervals, found, strict=True):
        before = sum(a > high for a, _ in intervals)
        behind = sum(b < low for _, b in intervals)
        if direction == "lower":
            before, behind = behind, before
        assert place == RankInterval(1 + before, len(intervals) - behind)


@given(st.lists(st.integers(0, 30).map(float), min_size=1), directions)
def test_rank_lies_in_its_interval(scores: list[float], direction: str) -> None:
    spans = rank_intervals_from_intervals([(s - 1.5, s + 1.5) for s in scores], direction=direction)
    for place, (low, high) in zip(rank(scores, direction=direction), spans, strict=True):
        assert None not in (place, low, high)
        assert (low or 0) <= (place or 0) <= (high or 0)


def test_paired_tests_narrow_the_places_of_those_that_have_them() -> None:
    # All five overlap but the last; of the first three paired tests know that the second is worse than the others.
    intervals = [(80.0, 82.0), (79.0, 81.0), (80.0, 82.0), (80.5, 81.5), (10.0, 12.0)]
    paired = {0: RankInterval(1, 2), 1: RankInterval(3, 3), 2: RankInterval(1, 2)}
    found = rank_intervals_from_intervals(intervals, direction="higher", paired=paired)
    assert found == [
        RankInterval(1, 3),
        RankInterval(3, 4),
        RankInterval(1, 3),
        RankInterval(1, 4),
        RankInterval(5, 5),
    ]


def test_entry_without_interval_has_no_rank_interval() -> None:
    found = rank_intervals_from_intervals([(1.0, 2.0), (None, None), (3.0, 4.0)], direction="higher")
    assert found == [RankInterval(2, 2), RankInterval(None, None), RankInterval(1, 1)]


@pytest.mark.parametrize(
    ("scores", "count", "expected"),
    [
        ([3.0, 1.0, 2.0], 2, [True, False, True]),
        ([3.0, 2.0, 2.0], 2, [True, True, True]),
        ([None, 2.0], 5, [False, True]),
        ([3.0, 2.0], 0, [False, False]),
        ([], 5, []),
    ],
)
def test_best_takes_ties_with_the_last_of_them(scores: list[float | None], count: int, expected: list[bool]) -> None:
    assert best(scores, count, direction="higher") == expected


def test_best_of_times_are_the_shortest() -> None:
    assert best([30.0, 10.0, 20.0], 1, direction="lower") == [False, True, False]


def test_rank_intervals_come_from_paired_tests() -> None:
    # 1,000 samples: the second is wrong where the first is right on 40 and never the other way round.
    strong = (1 << 900) - 1
    weaker = (1 << 860) - 1
    twin = strong ^ (0b11 << 899)
    spans = rank_intervals_from_outcomes([strong, weaker, twin])
    assert spans == [RankInterval(1, 2), RankInterval(3, 3), RankInterval(1, 2)]


@given(st.lists(st.integers(0, 2**64 - 1), max_size=12))
def test_rank_intervals_hold_every_rank(outcomes: list[int]) -> None:
    scores = [float(each.bit_count()) for each in outcomes]
    for place, span in zip(rank(scores, direction="higher"), rank_intervals_from_outcomes(outcomes), strict=True):
        assert place is not None
        assert span.low is not None
        assert span.high is not None
        assert span.low <= place <= span.high


def test_paired_intervals_agree_with_all_tests_done_in_full() -> None:
    draw = random.Random(3).random
    outcomes = [sum((draw() < 0.7 + 0.02 * i) << bit for bit in range(400)) for i in range(9)]
    pairs = list(combinations(range(9), 2))
    p_values = [compare(outcomes[a], outcomes[b]).p_value for a, b in pairs]
    order = sorted(range(len(pairs)), key=p_values.__getitem__)
    rejected = set()
    for step, index in enumerate(order):
        if p_values[index] > 0.05 / (len(pairs) - step):
            break
        rejected.add(index)
    for entry, span in enumerate(rank_intervals_from_outcomes(outcomes)):
        ends = [(a, b) if outcomes[a].bit_count() > outcomes[b].bit_count() else (b, a) for a, b in pairs]
        assert span.low == 1 + sum(index in rejected and worse == entry for index, (_, worse) in enumerate(ends))
        assert span.high == 9 - sum(index in rejected and better == entry for index, (better, _) in enumerate(ends))
