"""The leaderboard as JSON and CSV."""

import base64
import csv
import io
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from leaderboard.models import Benchmark, Entry, Result
from leaderboard.services.moderating import moderation
from tests.api.conftest import read_problem

FIELDS = {
    *("rank", "rank_low", "rank_high", "model", "status", "verdict", "claims", "verified", "weights"),
    *("paper_url", "code_urls", "parameters", "verified_at"),
}


def address(benchmark: Benchmark) -> str:
    return f"/api/v1/benchmarks/{benchmark.slug}/leaderboard/"


def names(board: dict[str, Any]) -> list[str]:
    return [row["model"]["name"] for row in board["results"]]


def test_claims_without_a_run_stand_in_order_and_unranked(anyone: APIClient, imagenet: Benchmark) -> None:
    board = anyone.get(address(imagenet)).json()
    assert board["counts"] == {"entries": 20, "verified": 0, "mismatch": 0, "claimed": 20}
    assert all(set(row) >= FIELDS for row in board["results"])
    claimed = [row["claims"]["top1"] for row in board["results"]]
    assert claimed == sorted(claimed, reverse=True)
    assert {(row["rank"], row["status"], row["verdict"]) for row in board["results"]} == {(None, "claimed", "none")}


def test_row_carries_what_the_seed_says(anyone: APIClient, imagenet: Benchmark) -> None:
    board = anyone.get(address(imagenet)).json()
    row = next(row for row in board["results"] if row["model"]["name"] == "DenseNet-121")
    assert row["model"]["slug"] == "densenet-121"
    assert row["claims"] == {"top1": 82.858, "top5": 92.29}
    assert row["verified"] == {}
    assert row["parameters"] == 7978856
    assert row["paper_url"] == "https://arxiv.org/abs/1608.06993"
    assert row["code_urls"] == ["https://github.com/pytorch/vision/blob/master/torchvision/models/densenet.py"]
    url = "https://download.pytorch.org/models/densenet121-a639ec97.pt"
    assert row["weights"] == [{"framework": "PyTorch", "url": url, "sha256": ""}]


def test_verified_row_has_rank_interval_and_verdict(anyone: APIClient, verified: Result, digits: Benchmark) -> None:
    (row,) = anyone.get(address(digits)).json()["results"]
    assert (row["rank"], row["rank_low"], row["rank_high"]) == (1, 1, 1)
    assert (row["status"], row["verdict"]) == ("mismatch", "below")
    assert row["claims"] == {"top1": 85.0}
    assert row["verified"]["top1"] == {"value": 81.03, "low": 80.03, "high": 82.03}
    assert row["verified_at"] == verified.created_at.isoformat()
    assert (row["result"], row["submission"]) == (str(verified.pk), str(verified.run.submission_id))


def test_rows_tell_what_the_comparison_asks_for(anyone: APIClient, imagenet: Benchmark) -> None:
    first, second = (row["entry"] for row in anyone.get(address(imagenet)).json()["results"][:2])
    page = anyone.get("/compare/", {"a": first, "b": second})
    assert page.status_code == 200
    assert "DenseNet-121" in page.content.decode()


def test_metric_chooses_the_order(anyone: APIClient, imagenet: Benchmark) -> None:
    board = anyone.get(address(imagenet), {"metric": "top5"}).json()
    claimed = [row["claims"]["top5"] for row in board["results"]]
    assert board["metric"] == "top5"
    assert claimed == sorted(claimed, reverse=True)


@pytest.mark.parametrize(("status", "count"), [("all", 1), ("verified", 1), ("mismatch", 1), ("claimed", 0)])
def test_status_filters(anyone: APIClient, verified: Result, digits: Benchmark, status: str, count: int) -> None:
    assert len(anyone.get(address(digits), {"status": status}).json()["results"]) == count


def test_framework_size_and_text_filter(anyone: APIClient, imagenet: Benchmark) -> None:
    rows = anyone.get(address(imagenet)).json()["results"]
    for query, holds in (
        ({"framework": "tensorflow"}, lambda row: "TensorFlow" in {link["framework"] for link in row["weights"]}),
        ({"max_parameters": "30000000"}, lambda row: row["parameters"] and row["parameters"] <= 30_000_000),
        ({"q": "densenet"}, lambda row: "DenseNet" in row["model"]["name"]),
    ):
        expected = [row["model"]["name"] for row in rows if holds(row)]
        assert 0 < len(expected) < 20
        assert names(anyone.get(address(imagenet), query).json()) == expected


def test_as_of_shows_the_board_of_that_day(anyone: APIClient, imagenet: Benchmark) -> None:
    today = timezone.now().date().isoformat()
    assert len(anyone.get(address(imagenet), {"as_of": today}).json()["results"]) == 20
    assert anyone.get(address(imagenet), {"as_of": "2020-01-01"}).json()["results"] == []


def test_hidden_entry_is_not_shown(anyone: APIClient, imagenet: Benchmark) -> None:
    entry = Entry.objects.filter(benchmark=imagenet).first()
    assert entry is not None
    entry.standings.update(is_visible=False)
    assert len(anyone.get(address(imagenet)).json()["results"]) == 19


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("metric", "top9", "it has top1, top5"),
        ("status", "true", "use one of all, verified, mismatch, claimed"),
        ("max_parameters", "many", "whole number"),
        ("max_parameters", "-1", "whole number"),
        ("as_of", "yesterday", "a date such as 2026-01-31"),
        ("cursor", "nonsense", "start again"),
        ("cursor", "W10", "start again"),
        ("cursor", base64.urlsafe_b64encode(b"[70, 1e30, 0, 1, 1]").decode(), "start again"),
        ("cursor", base64.urlsafe_b64encode(b"[NaN, 1, 0, 1, 1]").decode(), "start again"),
        ("cursor", base64.urlsafe_b64encode(b"[70, Infinity, 0, 1, 1]").decode(), "start again"),
        ("cursor", base64.urlsafe_b64encode(b"[70, 1, 0]").decode(), "start again"),
        ("page_size", "0", "whole number from 1 to 500"),
        ("page_size", "501", "whole number from 1 to 500"),
        ("q", "x\0", "null byte"),
        ("format", "xml", "json, csv"),
    ],
)
def test_bad_value_is_refused_with_its_reason(
    anyone: APIClient, imagenet: Benchmark, field: str, value: str, reason: str
) -> None:
    errors = read_problem(anyone.get(address(imagenet), {field: value}), 400)
    assert set(errors) == {field}
    assert reason in errors[field][0]


@pytest.mark.parametrize(
    ("query", "accept"), [({"format": "csv"}, "*/*"), ({}, "text/csv"), ({"format": "csv"}, "application/json")]
)
def test_csv_by_address_or_by_accept(
    anyone: APIClient, imagenet: Benchmark, query: dict[str, str], accept: str
) -> None:
    response = anyone.get(address(imagenet), query, headers={"accept": accept})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert [row["model"] for row in rows] == names(anyone.get(address(imagenet)).json())
    assert rows[0]["rank"] == ""
    assert float(rows[0]["top1_claimed"]) == 82.858


def test_bad_value_in_csv_is_still_a_problem_object(anyone: APIClient, imagenet: Benchmark) -> None:
    read_problem(anyone.get(address(imagenet), {"format": "csv", "page_size": "0"}), 400)


def test_type_that_is_not_on_offer_is_told(anyone: APIClient, imagenet: Benchmark) -> None:
    read_problem(anyone.get(address(imagenet), headers={"accept": "application/xml"}), 406)


@pytest.mark.parametrize("size", [1, 7, 20])
@pytest.mark.parametrize("metric", ["top1", "top5"])
def test_cursor_walks_every_row_once_there_and_back(
    anyone: APIClient, imagenet: Benchmark, size: int, metric: str
) -> None:
    whole = names(anyone.get(address(imagenet), {"metric": metric}).json())
    pages = [anyone.get(address(imagenet), {"metric": metric, "page_size": str(size)}).json()]
    while following := pages[-1]["next"]:
        pages.append(anyone.get(following).json())
    assert [name for page in pages for name in names(page)] == whole
    back = [pages[-1]]
    while preceding := back[-1]["previous"]:
        back.append(anyone.get(preceding).json())
    assert [page["results"] for page in back[::-1]] == [page["results"] for page in pages]


@pytest.mark.parametrize("as_of", [{}, {"as_of": "2100-01-01"}])
def test_cursor_of_another_order_is_refused(
    anyone: APIClient, imagenet: Benchmark, verified: Result, digits: Benchmark, as_of: dict[str, str]
) -> None:
    page = anyone.get(address(imagenet), {"page_size": "5"} | as_of).json()
    cursor = parse_qs(urlsplit(page["next"]).query)["cursor"][0]
    assert len(anyone.get(address(imagenet), {"metric": "top1", "cursor": cursor} | as_of).json()["results"]) == 15
    for board, query in ((imagenet, {"metric": "top5"}), (digits, {})):
        errors = read_problem(anyone.get(address(board), query | as_of | {"cursor": cursor}), 400)
        assert list(errors) == ["cursor"]
        assert "of another board, or of another metric's order; start again" in errors["cursor"][0]


def test_csv_names_the_next_page(anyone: APIClient, imagenet: Benchmark) -> None:
    response = anyone.get(address(imagenet), {"format": "csv", "page_size": "19"})
    following = response["Link"].removeprefix("<").partition(">")[0]
    assert response["Link"].endswith('rel="next"')
    assert len(anyone.get(following).content.decode().splitlines()) == 2


def test_unchanged_board_is_not_sent_again(anyone: APIClient, imagenet: Benchmark) -> None:
    tag = anyone.get(address(imagenet))["ETag"]
    again = anyone.get(address(imagenet), headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    moderation.hide(imagenet.entries.all()[0], by="wei", at=timezone.now(), reason="A test.")
    assert anyone.get(address(imagenet), headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("size", [2, 20])
def test_length_of_a_board_costs_no_queries(
    anyone: APIClient, imagenet: Benchmark, size: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(8):
        anyone.get(address(imagenet), {"page_size": str(size)})
