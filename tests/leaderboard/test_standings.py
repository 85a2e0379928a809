"""What a board's page says of the whole board, and that it keeps to what is stored."""

import dataclasses
import hashlib
from typing import Any

import pytest
from django.test import Client

from evaluation.paired import pack
from leaderboard.models import Benchmark, BoardFacts, Entry, Result, Standing, Submission, Weights
from leaderboard.queries import compare_entries
from leaderboard.services.boards import arrears
from leaderboard.services.boards.arrears import find_head
from leaderboard.services.boards.standings import refresh_benchmark, refresh_entry
from leaderboard.services.moderating import moderation
from leaderboard.services.running import runs
from leaderboard.services.running.attempts import enqueue
from portal.accounts.models import User
from tests.factories import NOW, claim_run, make_benchmark, make_entry, make_report, make_submission, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def board() -> Benchmark:
    benchmark = make_benchmark()
    make_entry(benchmark, "One", claims={"top1": 70.5, "top5": 90.0})
    refresh_benchmark(benchmark)
    return benchmark


def read_facts(benchmark: Benchmark) -> BoardFacts:
    head = find_head(benchmark.slug)
    assert head is not None
    return head.facts


def list_names(client: Client, benchmark: Benchmark) -> list[str]:
    answer = client.get(f"/api/v1/benchmarks/{benchmark.slug}/leaderboard/")
    page = client.get(benchmark.get_absolute_url()).content.decode()
    names = [row["model"]["name"] for row in answer.json()["results"]]
    assert all(f">{name}<" in page for name in names)
    assert page.count("<tr id=") == len(names)
    return names


def test_facts_count_what_is_visible(board: Benchmark) -> None:
    make_entry(board, "Hidden", claims={"top1": 71.0})
    Entry.objects.filter(model__name="Hidden").update(is_hidden=True)
    refresh_benchmark(board)
    facts = read_facts(board)
    assert (facts.entries, facts.verified, facts.claimed, facts.frameworks) == (1, 0, 1, ["PyTorch"])


@pytest.mark.parametrize("small", [BoardFacts.SMALL, 0], ids=["counted", "shifted"])
def test_facts_tell_whether_any_row_has_links(board: Benchmark, monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    monkeypatch.setattr(BoardFacts, "SMALL", small)
    bare = board.entries.get()
    Weights.objects.update(url="", sha256="a" * 64)
    refresh_benchmark(board)
    assert not read_facts(board).has_links
    for change in ({"code_urls": [{"label": "code", "url": "https://example.org/"}]}, {"is_hidden": True}):
        Entry.objects.filter(pk=bare.pk).update(**change)
        refresh_benchmark(board)
        assert read_facts(board).has_links is ("code_urls" in change)
    linked = make_entry(board, "Linked", claims={"top1": 71.0})
    refresh_entry(linked)
    assert read_facts(board).has_links


def test_a_row_written_past_the_services_shows_at_the_next_reading(board: Benchmark, client: Client) -> None:
    assert list_names(client, board) == ["One"]
    entry = make_entry(board, "Two", claims={"top1": 71.0})
    assert list_names(client, board) == ["Two", "One"]
    entry.model.name = "Three"
    entry.model.save()
    assert list_names(client, board) == ["Three", "One"]
    entry.claims.get().delete()
    assert list_names(client, board) == ["One"]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, board: Benchmark) -> Benchmark:
    """A board that counts as a large one from its first entry on."""
    monkeypatch.setattr(BoardFacts, "SMALL", 0)
    monkeypatch.setattr(arrears, "ENTRIES_A_TURN", 2)
    return board


def test_a_large_board_shows_what_is_stored_until_it_was_caught_up_with(large: Benchmark, client: Client) -> None:
    for number in range(3):
        make_entry(large, f"Late {number}", claims={"top1": 80.0 + number})
    assert list_names(client, large) == ["One"]
    arrears.catch_up_next()
    assert list_names(client, large) == ["Late 1", "Late 0", "One"]
    arrears.catch_up_next()
    assert list_names(client, large) == ["Late 2", "Late 1", "Late 0", "One"]
    assert not read_facts(large).is_stale
    Entry.objects.get(model__name="Late 1").delete()
    arrears.catch_up_next()
    assert list_names(client, large) == ["Late 2", "Late 0", "One"]


def test_a_publication_leaves_the_arrears_of_others_on_the_list(large: Benchmark, client: Client) -> None:
    late = make_entry(large, "Late", claims={"top1": 80.0})
    refresh_entry(make_entry(large, "Published", claims={"top1": 90.0}))
    assert list_names(client, large) == ["Published", "One"]
    assert list(Entry.objects.filter(is_stale=True)) == [late]
    arrears.catch_up_next()
    assert list_names(client, large) == ["Published", "Late", "One"]


def test_a_model_verified_on_one_board_leaves_its_others_as_they_are(board: Benchmark) -> None:
    other, user = make_benchmark("letters"), make_user()
    for benchmark in (board, other):
        name, address = "Everywhere", f"https://example.org/{benchmark.slug}.pth"
        publish(make_submission(benchmark, user, model_name=name, weights_url=address), user, {})
    publish(make_submission(other, user, model_name=name, weights_url=f"{address}.pt"), user, {})
    assert not BoardFacts.objects.filter(is_stale=True).exists()


def test_a_board_that_was_never_derived_is_derived_when_it_is_read(client: Client) -> None:
    benchmark = make_benchmark()
    make_entry(benchmark, "One", claims={"top1": 70.5})
    assert not BoardFacts.objects.exists()
    assert list_names(client, benchmark) == ["One"]


def test_kept_pages_are_those_of_the_present_version(board: Benchmark, client: Client) -> None:
    first = read_facts(board).version
    refresh_benchmark(board)
    assert read_facts(board).version != first


def test_a_later_result_without_outcomes_is_not_compared_by_those_of_an_earlier_one() -> None:
    benchmark, user = make_benchmark(), make_user()
    ids = {}
    for name in ("One", "Two"):
        submission = make_submission(benchmark, user, model_name=name, weights_url=f"https://example.org/{name}.pth")
        result = publish(submission, user, {"outcomes": {"top1": pack([True, False, name == "One"])}})
        ids[name] = result.entry_id
    assert compare_entries(ids["One"], [ids["Two"]], "top1")[ids["Two"]].only_first == 1
    again = make_submission(benchmark, user, model_name="Two", weights_url="https://example.org/Two.pth")
    assert publish(again, user, {}).entry_id == ids["Two"]
    assert compare_entries(ids["One"], [ids["Two"]], "top1") == {}


def publish(submission: Submission, user: User, evidence: dict[str, Any]) -> Result:
    digest = hashlib.sha256(submission.model_name.encode()).hexdigest()
    run = claim_run(enqueue(submission, by=user, at=NOW))
    assert run.token is not None
    report = dataclasses.replace(make_report(sha256=digest), evidence=evidence)
    runs.record_report(run.pk, run.token, report, None, at=NOW)
    return Result.objects.get(run=run)


def test_what_is_retracted_keeps_neither_rank_nor_rank_interval() -> None:
    benchmark, user = make_benchmark(), make_user()
    one, two = (make_submission(benchmark, user, model_name=name) for name in ("One", "Two"))
    first, second = (publish(submission, user, {}).entry_id for submission in (one, two))
    one.refresh_from_db()
    moderation.retract(one, by=user, at=NOW, reason="Trained on the test images.")
    ranks = {row.entry_id: (row.rank, row.rank_low, row.rank_high) for row in Standing.objects.ranking()}
    assert ranks == {first: (None, None, None), second: (1, 1, 1)}


def test_counts_are_a_boards_own_where_boards_share_a_metric(board: Benchmark) -> None:
    other = make_benchmark("letters")
    for each in (board, other):
        make_entry(each, claims={"top1": 80.0})
        refresh_benchmark(each)
    assert BoardFacts.objects.get(benchmark=other).entries == 1
    assert BoardFacts.objects.get(benchmark=board).entries == board.entries.count()
