import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from leaderboard.claims.order_statistics import average_ranks, chance_of_monotone, correlate_ranks, is_monotone

columns = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=40)


@given(columns)
def test_rank_correlation_agrees_with_scipy(pairs: list[tuple[int, int]]) -> None:
    left, right = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    assume(len(set(left)) > 1 and len(set(right)) > 1)
    assert correlate_ranks(left, right) == pytest.approx(stats.spearmanr(left, right).statistic, abs=1e-12)


@given(st.lists(st.integers(0, 9), max_size=30))
def test_ranks_agree_with_scipy(values: list[int]) -> None:
    assert average_ranks([float(v) for v in values]) == list(stats.rankdata(values))


def test_constant_column_has_no_correlation() -> None:
    assert correlate_ranks([1, 1, 1], [1, 2, 3]) is None
    assert correlate_ranks([], []) is None


@pytest.mark.parametrize(
    ("values", "expected"), [([3, 2, 2, 1], True), ([1, 2, 3], True), ([1, 3, 2], False), ([2, 2], False), ([], False)]
)
def test_monotone(values: list[float], expected: bool) -> None:
    assert is_monotone(values) is expected


def test_chance_counts_the_orders_of_distinct_and_of_equal_values() -> None:
    assert chance_of_monotone([1, 2, 3, 4]) == pytest.approx(2 / 24)
    # Of the 3! / 2! = 3 orders of 1, 1, 2 two are monotone.
    assert chance_of_monotone([1, 1, 2]) == pytest.approx(2 / 3)
    assert chance_of_monotone(list(range(20))) == pytest.approx(2 / math.factorial(20))
