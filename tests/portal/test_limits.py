"""How often anyone may ask, and try a password."""

import pytest
from django.test import Client
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
