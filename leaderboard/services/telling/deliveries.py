"""Send the messages to webhooks that are due: signed after Standard Webhooks, tried again ever more rarely.

Source: https://github.com/standard-webhooks/standard-webhooks, symmetric signatures ("v1").
"""

import base64
import datetime as dt
import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F

from evaluation.fetch import FetchFault, FetchUnavailable
from evaluation.post import post
from leaderboard.models import Delivery, Webhook
from leaderboard.services.telling.webhooks import SECRET_PREFIX, disable, make_secret

AT_ONCE = 20
TIMEOUT_SECONDS = 5.0
# Pauses of 30 s, 2 min, 8 min, … : the last attempt comes after about eleven hours.
FIRST_PAUSE, GROWTH, MOST_ATTEMPTS = dt.timedelta(seconds=30), 4, 7
# Attempts that fail one after another, of whatever message, until nothing more is sent there.
MOST_FAILURES = 20
# What an endpoint answers that wants no more.
GONE = 410
HELD = dt.timedelta(minutes=2)
KEPT = dt.timedelta(days=30)


@dataclass(frozen=True)
class Message:
    """What goes over the line, without anything that a thread would ask the database for."""

    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """The status that was answered, or why there is none."""

    status: int | None = None
    fault: str = ""

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def deliver(*, at: dt.datetime) -> int:
    """Send what is due and return how many arrived. What fails stays due; nothing is raised."""
    Delivery.objects.filter(created_at__lt=at - KEPT).delete()
    due = (
        Delivery.objects.filter(due_at__lte=at, webhook__disabled_at=None).select_related("webhook").order_by("due_at")
    )
    held = [delivery for delivery in due[:AT_ONCE] if hold(delivery, at=at)]
    if not held:
        return 0
    # At the same time, so that one address that does not answer holds up no other, and the scheduler but once.
    with ThreadPoolExecutor(len(held)) as pool:
        outcomes = list(pool.map(send, [write_message(delivery, at=at) for delivery in held]))
    for delivery, outcome in zip(held, outcomes, strict=True):
        record(delivery, outcome, at=at)
    return sum(outcome.is_delivered for outcome in outcomes)


def hold(delivery: Delivery, *, at: dt.datetime) -> bool:
    """Keep it from a second scheduler for as long as sending may take."""
    return bool(Delivery.objects.filter(pk=delivery.pk, due_at=delivery.due_at).update(due_at=at + HELD))


def write_message(delivery: Delivery, *, at: dt.datetime) -> Message:
    body = json.dumps(delivery.payload, separators=(",", ":"), ensure_ascii=False).encode()
    stamp = str(int(at.timestamp()))
    signature = sign(make_secret(delivery.webhook), str(delivery.pk), stamp, body)
    headers = {"webhook-id": str(delivery.pk), "webhook-timestamp": stamp, "webhook-signature": signature}
    return Message(delivery.webhook.url, body, headers)


def sign(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    digest = hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def send(message: Message) -> Outcome:
    allow_private = settings.FETCH_ALLOW_PRIVATE
    try:
        status = post(
            message.url, message.body, message.headers, timeout_seconds=TIMEOUT_SECONDS, allow_private=allow_private
        )
    except (FetchFault, FetchUnavailable) as fault:
        return Outcome(fault=str(fault))
    return Outcome(status)


def record(delivery: Delivery, outcome: Outcome, *, at: dt.datetime) -> None:
    """Store how the attempt ended, and no longer send where it always fails."""
    attempts = delivery.attempts + 1
    row, webhook = Delivery.objects.filter(pk=delivery.pk), Webhook.objects.filter(pk=delivery.webhook_id)
    told = {"attempts": attempts, "tried_at": at, "status_code": outcome.status, "fault": outcome.fault}
    if outcome.is_delivered:
        row.update(**told, delivered_at=at, due_at=None)
        webhook.update(failures=0)
        return
    pause = FIRST_PAUSE * GROWTH ** (attempts - 1)
    row.update(**told, due_at=at + pause if attempts < MOST_ATTEMPTS else None)
    webhook.update(failures=F("failures") + 1)
    if outcome.status == GONE or webhook.filter(failures__gte=MOST_FAILURES).exists():
        disable(delivery.webhook, at=at)
