"""Webhooks of one's own over the API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from leaderboard.models import Webhook
from leaderboard.services.telling import webhooks
from portal.accounts.models import User
from tests.api.conftest import read_problem
from tests.factories import NOW, make_user

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/webhooks/"
HOOK = {"url": "https://example.org/hook", "events": ["run.finished"]}


def make(api: APIClient) -> dict[str, Any]:
    answer = api.post(ADDRESS, HOOK, format="json")
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    assert answer["Location"] == f"{ADDRESS}{made['id']}/"
    return made


def test_secret_is_told_once(api: APIClient) -> None:
    made = make(api)
    assert made["secret"] == webhooks.make_secret(Webhook.objects.get())
    (listed,) = api.get(ADDRESS).json()["results"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    assert api.get(f"{ADDRESS}{made['id']}/").json() == listed


def test_it_is_changed_ended_and_begun_again(api: APIClient) -> None:
    address = f"{ADDRESS}{make(api)['id']}/"
    changed = api.patch(address, {"events": ["entry.verified"], "is_disabled": True}, format="json").json()
    assert (changed["events"], changed["url"]) == (["entry.verified"], HOOK["url"])
    assert changed["disabled_at"]
    assert api.patch(address, {"is_disabled": False}, format="json").json()["disabled_at"] is None
    assert api.delete(address).status_code == 204
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "http://example.org/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": 3}, "url"),
        ({"events": []}, "events"),
        ({"events": ["nothing"]}, "events"),
        ({"events": "run.finished"}, "events"),
    ],
)
def test_what_cannot_be_is_refused_by_field(api: APIClient, fields: dict[str, Any], field: str) -> None:
    assert set(read_problem(api.post(ADDRESS, HOOK | fields, format="json"), 400)) == {field}
    address = f"{ADDRESS}{make(api)['id']}/"
    assert set(read_problem(api.patch(address, fields, format="json"), 400)) == {field}


def test_refusal_of_one_of_a_list_is_a_sentence(api: APIClient) -> None:
    errors = read_problem(api.post(ADDRESS, HOOK | {"events": ["run.finished", "nothing"]}, format="json"), 400)
    assert errors == {"events": ['"nothing" is not a valid choice.']}


def test_others_webhooks_are_nowhere(api: APIClient) -> None:
    other = webhooks.make("https://example.org/", ["run.finished"], by=make_user("eva"), at=NOW)
    address = f"{ADDRESS}{other.pk}/"
    for answer in (api.get(address), api.patch(address, {}, format="json"), api.delete(address)):
        read_problem(answer, 404)
        assert answer.json()["detail"].startswith("There is no such webhook of yours")
    read_problem(api.get(f"{address}deliveries/"), 404)


def test_messages_are_listed(api: APIClient, lin: User) -> None:
    made = make(api)
    webhooks.send_test(Webhook.objects.get(), at=NOW)
    (delivery,) = api.get(f"{ADDRESS}{made['id']}/deliveries/").json()
    assert (delivery["event"], delivery["state"], delivery["attempts"]) == ("test", "waiting", 0)
