import pytest
from scipy.stats import binomtest

from evaluation.engine.statistics import wilson
from evaluation.paired import mcnemar


def test_wilson_interval_of_the_published_example() -> None:
    # E. B. Wilson's interval for 8103 of 10000, worked by hand to four digits.
    assert wilson(8103, 10_000) == pytest.approx((0.8025, 0.8179), abs=5e-5)


@pytest.mark.parametrize(("correct", "total"), [(0, 1), (1, 1), (0, 50), (50, 50), (1, 3), (37, 200), (49_999, 50_000)])
def test_wilson_interval_is_scipys(correct: int, total: int) -> None:
    expected = binomtest(correct, total).proportion_ci(method="wilson")
    assert wilson(correct, total) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (5, 5), (3, 14), (120, 80), (900, 1100)])
def test_paired_test_is_the_exact_binomial_one(first: int, second: int) -> None:
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)
    assert mcnemar(second, first) == mcnemar(first, second)
