"""What breaks unexpectedly is said in the caller's own way."""

import socket

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from leaderboard.api.boards import LeaderboardView
from leaderboard.views import catalogue
from portal.settings import keep_in_redis
from tests.factories import make_benchmark

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


@pytest.mark.parametrize(
    ("path", "field"),
    [
        *(("/submit/", "benchmark"), ("/submit/", "framework"), ("/account/", "revoke")),
        *(("/moderation/decide/", "reason"), ("/accounts/login/", "login")),
    ],
)
def test_form_with_a_null_byte_cannot_be_read(admin_client: Client, path: str, field: str) -> None:
    admin_client.raise_request_exception = False
    answer = admin_client.post(path, {field: "a\0b"})
    assert answer.status_code == 400
    assert "This request cannot be read" in answer.content.decode()


def lose_database(*_args: object, **_options: object) -> None:
    raise OperationalError("server closed the connection unexpectedly on db.internal")


def test_script_is_told_to_send_again_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeaderboardView, "get", lose_database)
    answer = Client(raise_request_exception=False).get("/api/v1/benchmarks/digits/leaderboard/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"] == "application/problem+json"
    assert "send the request again in a moment" in answer.json()["detail"]
    assert b"db.internal" not in answer.content


def test_person_is_told_to_come_back_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "summarise_boards", lose_database)
    answer = Client(raise_request_exception=False).get("/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Back in a moment" in answer.content.decode()
    assert "db.internal" not in answer.content.decode()


def test_pages_and_api_do_without_a_cache_that_is_away(settings: Settings) -> None:
    make_benchmark("digits")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        # Bound and not listening: whoever connects is refused.
        settings.CACHES = {"default": keep_in_redis(f"redis://127.0.0.1:{free.getsockname()[1]}/0")}
        cache.set("key", "value")
        assert cache.get("key", "nothing") == "nothing"
        for address in ("/", "/benchmarks/digits/", "/api/v1/benchmarks/digits/leaderboard/", "/accounts/login/"):
            assert Client().get(address).status_code == 200, address
        # Tried passwords could not be counted.
        wrong = {"login": "lin", "password": "a wrong one"}
        assert Client().post("/accounts/login/", wrong).status_code == 429
