"""What breaks unexpectedly is said in the caller's own way."""

import pytest
from django.test import Client

from leaderboard.api.boards import LeaderboardView
from leaderboard.views import catalogue

pytestmark = pytest.mark.django_db


def fail(*_args: object, **_options: object) -> None:
    raise RuntimeError("a secret path")


def test_script_gets_a_problem_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeaderboardView, "get", fail)
    answer = Client(raise_request_exception=False).get("/api/v1/benchmarks/digits/leaderboard/")
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] == "Internal Server Error"
    assert b"secret" not in answer.content


def test_person_gets_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "summarise_boards", fail)
    answer = Client(raise_request_exception=False).get("/")
    assert answer.status_code == 500
    assert "This is our fault" in answer.content.decode()
    assert b"secret" not in answer.content
