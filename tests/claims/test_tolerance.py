from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.claims.tolerance import Verdict, judge, judge_all

scores = st.decimals(0, 100, places=3)
tolerances = st.decimals("0.001", 5, places=3)


@given(scores, tolerances, st.sampled_from([-1, 1]), st.sampled_from(["higher", "lower"]))
def test_exactly_the_tolerance_is_a_match(claimed: Decimal, tolerance: Decimal, sign: int, direction: str) -> None:
    verified = claimed + sign * tolerance
    verdict = judge(float(claimed), float(verified), tolerance=float(tolerance), direction=direction)
    assert verdict is Verdict.MATCH


@given(scores, tolerances, st.sampled_from(["higher", "lower"]))
def test_a_thousandth_more_than_the_tolerance_is_none(claimed: Decimal, tolerance: Decimal, direction: str) -> None:
    gap = tolerance + Decimal("0.001")
    above, below = ("above", "below") if direction == "higher" else ("below", "above")
    assert judge(float(claimed), float(claimed + gap), tolerance=float(tolerance), direction=direction) == above
    assert judge(float(claimed), float(claimed - gap), tolerance=float(tolerance), direction=direction) == below


@given(scores, scores, tolerances)
def test_direction_turns_the_verdict_over(claimed: Decimal, verified: Decimal, tolerance: Decimal) -> None:
    one = judge(float(claimed), float(verified), tolerance=float(tolerance), direction="higher")
    other = judge(float(claimed), float(verified), tolerance=float(tolerance), direction="lower")
    turned = {Verdict.ABOVE: Verdict.BELOW, Verdict.BELOW: Verdict.ABOVE}
    assert other is turned.get(one, one)


def test_published_example_is_below() -> None:
    assert judge(91.73, 81.03, tolerance=0.1, direction="higher") is Verdict.BELOW
    assert judge(81.03, 81.13, tolerance=0.1, direction="higher") is Verdict.MATCH


@pytest.mark.parametrize(("claimed", "verified"), [(None, 80.0), (80.0, None), (None, None)])
def test_nothing_to_compare_is_no_verdict(claimed: float | None, verified: float | None) -> None:
    assert judge(claimed, verified, tolerance=0.1, direction="higher") is Verdict.NONE


@pytest.mark.parametrize(
    ("verdicts", "overall"),
    [
        (["match", "below", "above"], "below"),
        (["match", "above", "none"], "above"),
        (["none", "match"], "match"),
        (["none"], "none"),
        ([], "none"),
    ],
)
def test_below_outweighs_above_outweighs_match(verdicts: list[str], overall: str) -> None:
    assert judge_all(Verdict(verdict) for verdict in verdicts) is Verdict(overall)
