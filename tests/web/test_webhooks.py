"""The pages of webhooks: made, tested, changed, turned off, deleted."""

import re

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django import Settings

from leaderboard.models import Delivery, Webhook
from leaderboard.services.moderating import moderation
from leaderboard.services.telling import deliveries, webhooks
from tests import receiver as servers
from tests.factories import NOW, make_user
from tests.receiver import Receiver
from tests.web.walker import PAIRWISE, Look, Walker

LIST = "/account/webhooks/"
receiver = servers.receiver


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(make_user("lin"))
    return client


def make(client: Client) -> Webhook:
    text = client.post(LIST, {"url": "https://example.org/hook", "events": ["run.finished"]}).content.decode()
    webhook = Webhook.objects.get()
    assert webhooks.make_secret(webhook) in text
    return webhook


def test_secret_is_shown_once(client: Client) -> None:
    webhook = make(client)
    for address in (LIST, webhook.get_absolute_url()):
        assert "whsec_" not in client.get(address).content.decode()


def test_refusals_stand_beside_their_fields(client: Client) -> None:
    answer = client.post(LIST, {"url": "http://example.org/"})
    assert answer.status_code == 400
    text = answer.content.decode()
    assert re.search(r'id="url-error">Only https:// addresses are fetched\.<', text)
    assert re.search(r'id="events-error">Choose one or more of: run\.finished', text)


def test_banned_account_makes_none(client: Client) -> None:
    admin = make_user("wei", is_staff=True)
    banned = make_user("eva")
    moderation.ban(banned, by=admin, at=NOW, reason="Floods the queue.")
    eva = Client()
    eva.force_login(banned)
    answer = eva.post(LIST, {"url": "https://example.org/hook", "events": ["run.finished"]})
    assert "Floods the queue." in answer.content.decode()
    assert not Webhook.objects.exists()


def test_it_is_changed_turned_off_and_deleted(client: Client) -> None:
    address = make(client).get_absolute_url()
    assert client.post(address, {"action": "change", "url": "ftp://x", "events": ["nothing"]}).status_code == 400
    client.post(address, {"action": "change", "url": "https://example.org/2", "events": ["entry.verified"]})
    webhook = Webhook.objects.get()
    assert (webhook.url, webhook.events) == ("https://example.org/2", ["entry.verified"])
    client.post(address, {"action": "disable"})
    assert "Nothing has been sent since" in client.get(address).content.decode()
    client.post(address, {"action": "enable"})
    assert Webhook.objects.get().disabled_at is None
    client.post(address, {"action": "delete"})
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    "values", [{}, {"action": "explode"}, {"action": "again"}, {"action": "again", "delivery": "x"}]
)
def test_unknown_actions_are_nowhere(client: Client, values: dict[str, str]) -> None:
    assert client.post(make(client).get_absolute_url(), values).status_code == 404


def test_others_webhooks_are_nowhere(client: Client) -> None:
    other = webhooks.make("https://example.org/", ["run.finished"], by=make_user("eva"), at=NOW)
    assert client.get(other.get_absolute_url()).status_code == 404
    assert client.post(other.get_absolute_url(), {"action": "delete"}).status_code == 404
    assert Webhook.objects.exists()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("look", PAIRWISE, ids=str)
def test_webhook_is_made_tested_and_sent_to_again(
    browser: Browser, live_portal: str, receiver: Receiver, settings: Settings, look: Look
) -> None:
    settings.FETCH_ALLOW_PRIVATE = True
    make_user("eva")
    with Walker(browser, live_portal, look) as walker:
        walker.sign_in("eva")
        walker.open("/account/")
        walker.link("Webhooks").click()
        walker.field("Address").fill(receiver.url)
        walker.button("Make the webhook").click()
        walker.see("Copy the secret now; it is shown this once. Your server checks with it that a message is ours.")
        walker.button("Send a test").click()
        walker.see("on its way")
        deliveries.deliver(at=Delivery.objects.get().created_at)
        walker.page.reload()
        expect(walker.page.locator(".delivery .state")).to_have_text("204")
        walker.page.get_by_role("button", name=walker.say("Send again")).click()
        walker.see("The message is on its way again.")
    assert len(receiver.got) == 1
