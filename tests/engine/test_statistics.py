import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm

from evaluation import holm
from evaluation.engine import ranks, statistics
from evaluation.engine.bootstrap import RESAMPLES, align, draw_resamples, resample
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


def test_paired_tests_by_the_thousand_are_the_exact_binomial_ones() -> None:
    random = np.random.default_rng(0)
    discordant = np.concatenate([np.arange(60).repeat(4), random.integers(60, 50_000, 2000)])
    # Leads from none to many deviations, where p is far below what a test of a large board needs.
    lead = np.abs(random.normal(scale=6, size=len(discordant))) * np.sqrt(discordant)
    fewer = np.maximum(0, (discordant - lead) // 2).astype(np.int64)
    expected = np.where(2 * fewer >= discordant, 1.0, np.minimum(1.0, 2 * binom.cdf(fewer, discordant, 0.5)))
    found = statistics.mcnemar(fewer, discordant - fewer)
    assert found == pytest.approx(expected, rel=1e-9)
    assert (found == statistics.mcnemar(discordant - fewer, fewer)).all()
    one_by_one = [mcnemar(int(a), int(b)) for a, b in zip(fewer, discordant - fewer, strict=True)]
    assert found == pytest.approx(one_by_one, rel=1e-8)


def count_exactly(fewer: int, discordant: int) -> float:
    """Return the two-sided p value in whole numbers: SciPy says 0 of many where 2 to the power of -n is none of its."""
    ways = term = 1
    for taken in range(fewer):
        term = term * (discordant - taken) // (taken + 1)
        ways += term
    p_value: float = 2 * ways / 2**discordant
    return p_value


@given(st.integers(2, 50_000), st.floats(0, 0.4999))
@example(1075, 0.03125)
def test_p_value_lies_between_its_bounds(discordant: int, share: float) -> None:
    fewer = int(share * discordant)
    p_value = 2 * binom.cdf(fewer, discordant, 0.5) or count_exactly(fewer, discordant)
    low, high = holm.bound(discordant, discordant - 2 * fewer)
    # Below the smallest normal number one of the two is rounded to zero before the other.
    tiny = np.finfo(np.float64).tiny
    assert 2 * norm.sf(high) * (1 - 1e-9) - tiny <= p_value <= 2 * norm.sf(low) * (1 + 1e-9) + tiny
    assert (discordant - 2 * fewer) ** 2 < holm.find_certainty(1000) * discordant or p_value <= holm.ALPHA / 1000


def test_one_model_against_many_counts_who_alone_is_right() -> None:
    right = np.random.default_rng(0).random((40, 333)) < 0.7
    words = align(np.packbits(right, axis=1, bitorder="little"))
    only_one, only_other, p_values = ranks.compare_with(words[3], words)
    assert only_one.tolist() == (right[3] & ~right).sum(axis=1).tolist()
    assert only_other.tolist() == (~right[3] & right).sum(axis=1).tolist()
    assert p_values.tolist() == statistics.mcnemar(only_one, only_other).tolist()
    assert p_values[3] == 1


def test_resamples_count_as_the_draws_do() -> None:
    right = np.random.default_rng(0).random(203) < 0.7
    counts = draw_resamples(203).count_right(right)
    assert counts.tolist() == np.concatenate([table @ right for table in resample(203)]).tolist()
    assert len(counts) == RESAMPLES
    # The spread of a resampled proportion is that of the binomial distribution.
    assert counts.std() == pytest.approx(np.sqrt(203 * right.mean() * (1 - right.mean())), rel=0.1)


def test_holm_rejects_step_by_step() -> None:
    p_values = [0.001, 0.012, 0.02, 0.04, 0.3]
    threshold = holm.find_threshold(5, lambda limit: sum(p_value <= limit for p_value in p_values))
    # 0.001 ≤ 0.05 / 5 and 0.012 ≤ 0.05 / 4, but 0.02 > 0.05 / 3.
    assert sum(p_value <= threshold for p_value in p_values) == 2
    assert holm.find_threshold(2, lambda limit: 2) == holm.ALPHA
