"""Rank intervals of boards of any size are those of all exact tests with Holm's correction, whoever makes them."""

import base64
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from evaluation import ranks as client
from evaluation.engine import ranks
from evaluation.paired import pack, unpack
from leaderboard.models import Standing
from leaderboard.ranking import rank_intervals_from_outcomes
from leaderboard.services.boards import standings
from tests.factories import make_benchmark, make_submission, make_user
from tests.leaderboard.test_standings import publish

Outcomes = npt.NDArray[np.bool_]


def draw(models: int, samples: int, seed: int, spread: float) -> Outcomes:
    """Return (models, samples) outcomes of models that find the same samples hard."""
    random = np.random.default_rng(seed)
    hardness, skill = random.normal(size=samples), random.normal(1, spread, models)
    right: Outcomes = 0.9 * hardness + 0.5 * random.normal(size=(models, samples)) < skill[:, None]
    return right


def do_all_tests(right: Outcomes) -> list[list[int]]:
    """Return the rank intervals by the book: every p value from scipy, sorted, rejected step by step."""
    pairs = list(combinations(range(len(right)), 2))
    only = [(int((right[a] & ~right[b]).sum()), int((right[b] & ~right[a]).sum())) for a, b in pairs]
    p_values = [binomtest(first, first + second).pvalue if first + second else 1.0 for first, second in only]
    beats, beaten = np.zeros(len(right), int), np.zeros(len(right), int)
    for place, pair in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[pair] > 0.05 / (len(pairs) - place):
            break
        better, worse = pairs[pair] if only[pair][0] > only[pair][1] else pairs[pair][::-1]
        beats[better] += 1
        beaten[worse] += 1
    return [[1 + int(lost), len(right) - int(won)] for won, lost in zip(beats, beaten, strict=True)]


boards = st.builds(
    draw, st.integers(1, 14), st.integers(1, 400), st.integers(0, 10**6), st.sampled_from((0.0, 0.1, 1.0))
)


@settings(max_examples=60, deadline=None)
@given(boards)
def test_engine_and_portal_agree_with_the_tests_by_the_book(right: Outcomes) -> None:
    expected = do_all_tests(right)
    packed = np.packbits(right, axis=1, bitorder="little")
    assert ranks.find_rank_intervals(packed).tolist() == expected
    whole_numbers = [unpack(pack(row)) for row in right]
    assert [list(span) for span in rank_intervals_from_outcomes(whole_numbers)] == expected


@pytest.mark.parametrize("spread", [0.02, 0.3])
def test_engine_and_portal_agree_on_a_large_board(spread: float) -> None:
    right = draw(120, 5_000, 0, spread)
    found = ranks.find_rank_intervals(np.packbits(right, axis=1, bitorder="little"))
    expected = rank_intervals_from_outcomes([unpack(pack(row)) for row in right])
    assert found.tolist() == [list(span) for span in expected]
    assert len({tuple(span) for span in found.tolist()}) > 8


def test_engine_is_asked_in_a_process_of_its_own() -> None:
    right = draw(20, 300, 1, 0.5)
    found = client.find_rank_intervals([[pack(row) for row in right], [pack(row) for row in right[:3]]])
    assert found == [
        [(span.low, span.high) for span in rank_intervals_from_outcomes([unpack(pack(row)) for row in rows])]
        for rows in (right, right[:3])
    ]


@pytest.mark.parametrize("outcomes", [["no base64!"], ["AAAA", "AA=="]])
def test_outcomes_that_cannot_be_compared_give_none_and_leave_the_others_theirs(outcomes: list[str]) -> None:
    assert client.find_rank_intervals([outcomes, ["AAAA"]]) == [None, [(1, 1)]]


def test_installation_without_the_engine_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "is_engine_there", lambda: False)
    assert client.find_rank_intervals([[base64.b64encode(b"\1").decode()]]) == [None]


@pytest.mark.django_db
@pytest.mark.parametrize(("here", "is_there", "leader"), [(1, True, (1, 1)), (1, False, (1, 1)), (0, False, (1, 2))])
def test_publication_ranks_by_paired_tests_where_anybody_can_make_them(
    monkeypatch: pytest.MonkeyPatch, here: int, is_there: bool, leader: tuple[int, int]
) -> None:
    monkeypatch.setattr(standings, "PAIRED_HERE", here)
    monkeypatch.setattr(standings, "PAIRED_WITHOUT_ENGINE", 3 * here)
    monkeypatch.setattr(client, "is_engine_there", lambda: is_there)
    benchmark, user = make_benchmark(), make_user()
    # The second is wrong on 20 more of the same 10,000, which the paired test tells apart and their intervals do not.
    for name, right in (("One", 8103), ("Two", 8083)):
        submission = make_submission(benchmark, user, model_name=name, weights_url=f"https://example.org/{name}.pth")
        publish(submission, user, {"outcomes": {"top1": pack(sample < right for sample in range(10_000))}})
    best = (
        Standing.objects.filter(benchmark=benchmark, metric__key="top1")
        .order_by("entry_id")
        .values_list("rank_low", "rank_high")
    )
    assert best[0] == leader


@pytest.mark.django_db
def test_entry_without_outcomes_leaves_the_others_paired_tests_to_them() -> None:
    benchmark, user = make_benchmark(), make_user()
    for name, right in (("One", 8103), ("Two", 8083), ("Three", None)):
        submission = make_submission(benchmark, user, model_name=name, weights_url=f"https://example.org/{name}.pth")
        outcomes = {"top1": pack(sample < right for sample in range(10_000))} if right else {}
        publish(submission, user, {"outcomes": outcomes})
    standings_of_top1 = Standing.objects.filter(benchmark=benchmark, metric__key="top1").order_by("entry_id")
    # All three have the same score and interval; what is known of the first two is how they differ.
    assert list(standings_of_top1.values_list("rank_low", "rank_high")) == [(1, 2), (2, 3), (1, 3)]
    # As the board is told as of today.
    address = f"/api/v1/benchmarks/{benchmark.slug}/leaderboard/"
    boards = [Client().get(address, query).json()["results"] for query in ({}, {"as_of": "2099-01-01"})]
    today, then = ([(row["rank"], row["rank_low"], row["rank_high"]) for row in board] for board in boards)
    assert today == then
    assert {row[1:] for row in then} == {(1, 2), (2, 3), (1, 3)}


@pytest.mark.django_db
def test_publication_asks_the_engine_once_for_all_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[int]] = []

    def find(boards: Sequence[Sequence[str]]) -> list[list[tuple[int, int]] | None]:
        asked.append([len(board) for board in boards])
        return client.find_rank_intervals(boards)

    monkeypatch.setattr(standings, "PAIRED_HERE", 1)
    monkeypatch.setattr(standings, "find_rank_intervals", find)
    benchmark, user = make_benchmark(), make_user()
    for name, right in (("One", 8103), ("Two", 8083)):
        submission = make_submission(benchmark, user, model_name=name, weights_url=f"https://example.org/{name}.pth")
        outcomes = pack(sample < right for sample in range(10_000))
        publish(submission, user, {"outcomes": {"top1": outcomes, "top5": outcomes}})
    assert asked == [[], [2, 2]]
    ranked = Standing.objects.filter(benchmark=benchmark).order_by("metric__key", "entry_id")
    assert list(ranked.values_list("rank_low", "rank_high")) == 2 * [(1, 1), (2, 2)]
