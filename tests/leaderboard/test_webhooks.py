"""What a webhook is told, how it is signed, and what becomes of one that does not answer."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import socket

import pytest
from pytest_django import Settings

from leaderboard.models import Delivery, Webhook
from leaderboard.services.refusals import RequestRefused
from leaderboard.services.running import runs
from leaderboard.services.telling import deliveries, webhooks
from portal.accounts.models import User
from tests import receiver as servers
from tests.factories import NOW, claim_run, make_benchmark, make_submission, make_user
from tests.receiver import Receiver
from tests.web.conftest import enqueue, verify

pytestmark = pytest.mark.django_db
receiver = servers.receiver
ALL = Webhook.Event.values


@pytest.fixture
def lin(settings: Settings) -> User:
    settings.FETCH_ALLOW_PRIVATE = True
    return make_user("lin")


def listen(lin: User, url: str, *events: str) -> Webhook:
    return webhooks.make(url, events or ALL, by=lin, at=NOW)


def read(receiver: Receiver) -> list[dict[str, object]]:
    return [json.loads(body) for _headers, body in receiver.got]


def test_run_and_entry_are_told_once(lin: User, receiver: Receiver) -> None:
    listen(lin, receiver.url)
    verify(make_benchmark(), lin, "ResNet-20", 81.03, claims={"top1": 91.73})
    assert deliveries.deliver(at=NOW) == 2
    told = {str(message["type"]): message["data"] for message in read(receiver)}
    assert set(told) == {"run.finished", "entry.verified"}
    run, entry = told["run.finished"], told["entry.verified"]
    assert isinstance(run, dict)
    assert isinstance(entry, dict)
    assert (run["state"], run["model"], run["benchmark"]) == ("verified", "ResNet-20", "digits")
    assert (entry["verdict"], entry["verified"]["top1"], entry["ranks"]["top1"]) == ("below", 81.03, 1)
    assert entry["claims"] == {"top1": 91.73}
    assert deliveries.deliver(at=NOW) == 0


def test_failed_run_says_why(lin: User, receiver: Receiver) -> None:
    listen(lin, receiver.url)
    run = claim_run(enqueue(make_submission(make_benchmark(), lin), lin))
    assert run.token
    runs.record_fault(run.pk, run.token, "The file is cut short; upload it again.", at=NOW)
    assert deliveries.deliver(at=NOW) == 1
    (message,) = read(receiver)
    assert isinstance(message["data"], dict)
    assert (message["data"]["state"], message["data"]["reason"]) == (
        "failed",
        "The file is cut short; upload it again.",
    )


def test_overtaken_entry_is_told_to_whose_it_was(lin: User, receiver: Receiver) -> None:
    board = make_benchmark(highlight_count=2)
    listen(lin, receiver.url, "entry.overtaken")
    verify(board, lin, "First", 80.0, claims={})
    verify(board, make_user("eva"), "Better", 90.0, claims={})
    assert deliveries.deliver(at=NOW) == 1
    (message,) = read(receiver)
    assert isinstance(message["data"], dict)
    assert message["data"].items() >= {"model": "First", "by": "Better", "before": 1, "rank": 2}.items()


def test_only_what_was_chosen_is_told(lin: User) -> None:
    listen(lin, "https://example.org/hook", "entry.overtaken")
    verify(make_benchmark(), lin, "ResNet-20", 81.03, claims={})
    assert not Delivery.objects.exists()


def test_message_is_signed_with_the_secret(lin: User, receiver: Receiver) -> None:
    """As Standard Webhooks has it, worked out anew."""
    webhook = listen(lin, receiver.url)
    webhooks.send_test(webhook, at=NOW)
    deliveries.deliver(at=NOW)
    ((headers, body),) = receiver.got
    secret = webhooks.make_secret(webhook)
    assert secret.startswith("whsec_")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(wanted).decode()}"
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert headers["webhook-id"] == str(Delivery.objects.get().pk)
    assert headers["content-type"] == "application/json"


def test_secrets_differ_and_are_not_stored(lin: User) -> None:
    one, two = (listen(lin, f"https://example.org/{n}") for n in range(2))
    assert webhooks.make_secret(one) != webhooks.make_secret(two)
    stored = json.dumps([list(map(str, vars(each).values())) for each in Webhook.objects.all()])
    assert webhooks.make_secret(one).removeprefix("whsec_") not in stored


def test_what_fails_is_tried_again_ever_more_rarely_and_given_up(lin: User, receiver: Receiver) -> None:
    receiver.status = 500
    webhook = listen(lin, receiver.url)
    webhooks.send_test(webhook, at=NOW)
    at, pauses = NOW, []
    for _ in range(deliveries.MOST_ATTEMPTS):
        assert deliveries.deliver(at=at) == 0
        delivery = Delivery.objects.get()
        pauses.append(delivery.due_at - at if delivery.due_at else None)
        at = delivery.due_at or at
    assert pauses[:3] == [dt.timedelta(seconds=30), dt.timedelta(minutes=2), dt.timedelta(minutes=8)]
    assert pauses[-1] is None
    assert (delivery.state, delivery.status_code) == ("failed", 500)
    assert len({headers["webhook-id"] for headers, _body in receiver.got}) == 1
    assert deliveries.deliver(at=at + dt.timedelta(days=1)) == 0
    assert len(receiver.got) == deliveries.MOST_ATTEMPTS


def test_success_after_a_failure_counts_anew(lin: User, receiver: Receiver) -> None:
    webhook = listen(lin, receiver.url)
    webhooks.send_test(webhook, at=NOW)
    receiver.status = 503
    deliveries.deliver(at=NOW)
    webhook.refresh_from_db()
    assert webhook.failures == 1
    receiver.status = 200
    assert deliveries.deliver(at=NOW + dt.timedelta(minutes=1)) == 1
    webhook.refresh_from_db()
    assert webhook.failures == 0


def test_webhook_that_always_fails_is_turned_off_and_on_again(lin: User, receiver: Receiver) -> None:
    receiver.status = 500
    webhook = listen(lin, receiver.url)
    Webhook.objects.update(failures=deliveries.MOST_FAILURES - 1)
    webhooks.send_test(webhook, at=NOW)
    deliveries.deliver(at=NOW)
    webhook.refresh_from_db()
    assert webhook.disabled_at == NOW
    receiver.status = 200
    later = NOW + dt.timedelta(hours=1)
    assert deliveries.deliver(at=later) == 0
    webhooks.enable(webhook)
    assert deliveries.deliver(at=later) == 1


def test_endpoint_that_is_gone_is_left_alone_at_once(lin: User, receiver: Receiver) -> None:
    receiver.status = 410
    webhook = listen(lin, receiver.url)
    webhooks.send_test(webhook, at=NOW)
    deliveries.deliver(at=NOW)
    webhook.refresh_from_db()
    assert webhook.disabled_at == NOW


def test_redirect_is_not_followed(lin: User, receiver: Receiver) -> None:
    receiver.status, receiver.location = 302, receiver.url
    webhooks.send_test(listen(lin, receiver.url), at=NOW)
    assert deliveries.deliver(at=NOW) == 0
    assert len(receiver.got) == 1


def test_sent_again_is_the_same_message(lin: User, receiver: Receiver) -> None:
    webhooks.send_test(listen(lin, receiver.url), at=NOW)
    deliveries.deliver(at=NOW)
    webhooks.send_again(Delivery.objects.get(), at=NOW)
    assert deliveries.deliver(at=NOW) == 1
    (first, body), (second, again) = receiver.got
    assert (first["webhook-id"], body) == (second["webhook-id"], again)


def test_silent_address_holds_up_no_other(lin: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        quiet = listen(lin, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        webhooks.send_test(quiet, at=NOW)
        webhooks.send_test(listen(lin, receiver.url), at=NOW)
        assert deliveries.deliver(at=NOW) == 1
    assert Delivery.objects.get(webhook=quiet).fault.startswith("The address did not answer")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "https://127.0.0.1/hook",
        "https://10.0.0.8/hook",
        "https://[::1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/hook",
        "https://example.org:8443/hook",
        "https://user:secret@example.org/hook",
        "ftp://example.org/hook",
        "javascript:alert(1)",
        "nowhere",
        "",
    ],
)
def test_address_that_is_not_public_https_is_refused(lin: User, settings: Settings, url: str) -> None:
    settings.FETCH_ALLOW_PRIVATE = False
    with pytest.raises(RequestRefused) as refused:
        listen(lin, url)
    assert set(refused.value.errors) == {"url"}


def test_name_that_leads_inside_is_not_sent_to(lin: User, settings: Settings, receiver: Receiver) -> None:
    """Checked anew at each attempt, whatever was stored."""
    webhook = listen(lin, receiver.url)
    webhooks.send_test(webhook, at=NOW)
    settings.FETCH_ALLOW_PRIVATE = False
    Webhook.objects.update(url="https://localhost.localdomain/hook")
    assert deliveries.deliver(at=NOW) == 0
    assert "no public host name" in Delivery.objects.get().fault
    assert receiver.got == []


@pytest.mark.parametrize("events", [[], ["nothing"], ["run.finished", "nothing"]])
def test_unknown_events_are_refused(lin: User, events: list[str]) -> None:
    with pytest.raises(RequestRefused) as refused:
        webhooks.make("https://example.org/hook", events, by=lin, at=NOW)
    assert set(refused.value.errors) == {"events"}


def test_nobody_has_more_than_ten(lin: User) -> None:
    for number in range(webhooks.MAX_WEBHOOKS):
        listen(lin, f"https://example.org/{number}")
    with pytest.raises(RequestRefused, match="delete one first"):
        listen(lin, "https://example.org/more")


def test_old_messages_are_forgotten(lin: User, receiver: Receiver) -> None:
    webhooks.send_test(listen(lin, receiver.url), at=NOW)
    deliveries.deliver(at=NOW + deliveries.KEPT + dt.timedelta(days=1))
    assert not Delivery.objects.exists()
