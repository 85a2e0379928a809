"""How often anyone may ask, and try a password."""

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from tests.factories import make_user

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


def test_limit_of_the_api_is_told_with_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "2/min", "user": None})
    client = APIClient()
    answers = [client.get("/api/v1/tasks/", headers={"x-forwarded-for": f"10.0.0.{n}"}) for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["Content-Type"] == "application/problem+json"
    assert 0 < int(answers[2]["Retry-After"]) <= 60


@pytest.mark.parametrize(
    "forms",
    [
        ("203.0.113.7:40001", "203.0.113.7:40002", "203.0.113.7"),
        ("[2001:db8::7]:40001", "[2001:db8::7]", "2001:DB8:0:0::7"),
        ("::ffff:203.0.113.7", "::FFFF:cb00:7107", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::"),
    ],
    ids=["port", "brackets", "mapped", "line"],
)
def test_one_caller_is_counted_once_however_the_proxy_writes_it(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, forms: tuple[str, ...]
) -> None:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "2/min", "user": None})
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    client = APIClient()
    answers = [client.get("/api/v1/tasks/", headers={"x-forwarded-for": f"10.9.9.9, {form}"}) for form in forms]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


@pytest.mark.parametrize("other", ["203.0.113.8", "2001:db8:0:1::1", "unknown", "[", "[]:1", "1.2.3:4", ""])
def test_others_are_counted_apart(monkeypatch: pytest.MonkeyPatch, settings: Settings, other: str) -> None:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "1/min", "user": None})
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    client = APIClient()
    for address in ("203.0.113.7", "2001:db8::1", other):
        assert client.get("/api/v1/tasks/", headers={"x-forwarded-for": address}).status_code == 200


def test_everybody_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "3/min", "user": "2/min"})
    visitor, user = APIClient(), APIClient()
    user.force_authenticate(make_user("lin"))
    assert [visitor.get("/api/v1/tasks/").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert [user.get("/api/v1/tasks/").status_code for _ in range(3)] == [200, 200, 429]


def test_passwords_are_tried_ten_times(client: Client) -> None:
    user = make_user("lin")
    for n in range(10):
        headers = {"x-forwarded-for": f"10.0.0.{n}"}
        answer = client.post(LOGIN, {"login": user.username, "password": "wrong"}, headers=headers)
        assert answer.status_code == 200
    answer = client.post(LOGIN, {"login": user.username, "password": "correct horse battery"})
    assert "_auth_user_id" not in client.session
    assert answer.status_code in (200, 429)


def test_right_password_signs_in(client: Client) -> None:
    make_user("lin")
    assert client.post(LOGIN, {"login": "lin", "password": "correct horse battery"}).status_code == 302
    assert "_auth_user_id" in client.session
