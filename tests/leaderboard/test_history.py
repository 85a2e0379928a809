"""A board as of a day is what stood on it then, whatever came later."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from leaderboard.models import Benchmark, Claim, Entry, Result
from leaderboard.services.boards.standings import refresh_benchmark
from leaderboard.services.moderating import moderation
from leaderboard.services.running import runs
from leaderboard.services.running.attempts import enqueue
from tests.factories import NOW, claim_run, make_benchmark, make_entry, make_report, make_submission, make_user

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def board() -> Benchmark:
    """An entry claimed on day 0, one verified on day 2 and taken back on day 4, one claimed on day 6."""
    benchmark, user = make_benchmark(), make_user()
    make_entry(benchmark, "Early claim", claims={"top1": 70.0, "top5": 90.0})
    submission = make_submission(benchmark, user, model_name="Verified", claims={"top1": 81.03})
    run = claim_run(enqueue(submission, by=user, at=NOW))
    assert run.token is not None
    runs.record_report(run.pk, run.token, make_report(), None, at=NOW + 2 * DAY)
    Entry.objects.update(created_at=NOW)
    Claim.objects.update(created_at=NOW)
    submission.refresh_from_db()
    moderation.retract(submission, by=user, at=NOW + 4 * DAY, reason="Trained on the test images.")
    make_entry(benchmark, "Late claim", claims={"top1": 75.0})
    Entry.objects.filter(model__name="Late claim").update(created_at=NOW + 6 * DAY)
    Claim.objects.filter(entry__model__name="Late claim").update(created_at=NOW + 6 * DAY)
    refresh_benchmark(benchmark)
    assert Result.objects.count() == 1
    return benchmark


def verify(board: Benchmark, name: str, *, top1: float, claims: dict[str, float]) -> None:
    """Let an entry of day 0 be verified on day 1."""
    user = make_user("wei")
    address = f"https://example.org/{name}.th"
    submission = make_submission(board, user, model_name=name, weights_url=address, claims=claims)
    run = claim_run(enqueue(submission, by=user, at=NOW))
    assert run.token is not None
    runs.record_report(run.pk, run.token, make_report(top1, sha256="b" * 64), None, at=NOW + DAY)
    Entry.objects.filter(model__name=name).update(created_at=NOW)
    Claim.objects.filter(entry__model__name=name).update(created_at=NOW)


def read(client: Client, board: Benchmark, day: int, **query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_page(client, board, day, **query)["results"]
    return rows


def read_page(client: Client, board: Benchmark, day: int, **query: str) -> dict[str, Any]:
    query["as_of"] = (NOW + day * DAY).date().isoformat()
    answer = client.get(f"/api/v1/benchmarks/{board.slug}/leaderboard/", query)
    assert answer.status_code == 200
    page: dict[str, Any] = answer.json()
    return page


def tell(rows: list[dict[str, Any]]) -> list[tuple[str, str, int | None]]:
    return [(row["model"]["name"], row["status"], row["rank"]) for row in rows]


def test_before_anything_the_board_is_empty(client: Client, board: Benchmark) -> None:
    assert read(client, board, -1) == []


def test_a_score_counts_from_the_day_it_was_verified(client: Client, board: Benchmark) -> None:
    assert tell(read(client, board, 1)) == [("Verified", "claimed", None), ("Early claim", "claimed", None)]
    assert tell(read(client, board, 2)) == [("Verified", "verified", 1), ("Early claim", "claimed", None)]


def test_what_was_taken_back_later_still_stood_then(client: Client, board: Benchmark) -> None:
    assert tell(read(client, board, 3))[0] == ("Verified", "verified", 1)
    assert tell(read(client, board, 5))[0] == ("Verified", "claimed", None)
    assert len(read(client, board, 7)) == 3


def test_filters_apply_to_that_day(client: Client, board: Benchmark) -> None:
    assert tell(read(client, board, 3, status="verified")) == [("Verified", "verified", 1)]
    assert read(client, board, 5, status="verified") == []
    assert tell(read(client, board, 7, q="late")) == [("Late claim", "claimed", None)]


@pytest.mark.parametrize(
    ("day", "counts"), [(-1, (0, 0, 0, 0)), (1, (2, 0, 0, 2)), (3, (2, 1, 0, 1)), (5, (2, 0, 0, 2)), (7, (3, 0, 0, 3))]
)
@pytest.mark.parametrize("query", [{}, {"q": "early"}, {"status": "verified"}])
def test_counts_are_those_of_the_whole_board_on_that_day(
    client: Client, board: Benchmark, day: int, counts: tuple[int, ...], query: dict[str, str]
) -> None:
    page = read_page(client, board, day, **query)
    assert page["counts"] == dict(zip(("entries", "verified", "mismatch", "claimed"), counts, strict=True))


def test_counts_of_today_are_those_of_the_board_as_it_stands(client: Client, board: Benchmark) -> None:
    verify(board, "Below", top1=80.0, claims={"top1": 99.0})
    present = client.get(f"/api/v1/benchmarks/{board.slug}/leaderboard/").json()["counts"]
    assert present["mismatch"] == 1
    assert read_page(client, board, 7)["counts"] == present


def test_page_tabs_count_that_day(client: Client, board: Benchmark) -> None:
    day = (NOW + DAY).date().isoformat()
    page = client.get(board.get_absolute_url(), {"as_of": day}, headers={"hx-request": "true"}).content.decode()
    assert "All <b>2</b>" in page
    assert "Claims <b>2</b>" in page


def test_ranks_of_that_day_are_the_whole_boards(client: Client, board: Benchmark) -> None:
    verify(board, "Better", top1=90.0, claims={})
    assert tell(read(client, board, 3, q="verified")) == [("Verified", "verified", 2)]


def test_pages_of_a_past_board_hold_each_row_once(client: Client, board: Benchmark) -> None:
    address: str | None = f"/api/v1/benchmarks/{board.slug}/leaderboard/?as_of=2026-12-31&page_size=1"
    names = []
    while address:
        page = client.get(address).json()
        names += [row["model"]["name"] for row in page["results"]]
        address = page["next"]
    assert names == ["Verified", "Late claim", "Early claim"]


def test_page_says_which_day_it_shows(client: Client, board: Benchmark) -> None:
    text = client.get(f"{board.get_absolute_url()}?as_of={(NOW + 3 * DAY).date()}").content.decode()
    assert "81.030" in text
    assert "Late claim" not in text
