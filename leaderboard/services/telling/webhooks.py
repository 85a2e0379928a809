"""What people have told to their own servers: the addresses, and the messages written beside what happened.

`services.telling.deliveries` sends them.
"""

import base64
import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from evaluation.contract import InputFault
from evaluation.fetch import check_url
from leaderboard.models import Delivery, Standing, Submission, Webhook
from leaderboard.queries.bans import find_ban
from leaderboard.sentences import say
from leaderboard.services.refusals import Refusals, RequestRefused

MAX_WEBHOOKS = 10
# The prefix by which the libraries of Standard Webhooks know a secret.
SECRET_PREFIX = "whsec_"
SALT = "leaderboard.webhooks"
Data = dict[str, Any]


def list_own(by: AbstractBaseUser) -> QuerySet[Webhook]:
    return Webhook.objects.filter(owner_id=by.pk)


def make_secret(webhook: Webhook) -> str:
    """Return the secret with which messages to it are signed."""
    digest = salted_hmac(SALT, f"{webhook.pk}:{webhook.salt}", algorithm="sha256").digest()
    return SECRET_PREFIX + base64.b64encode(digest).decode()


@transaction.atomic
def make(url: str, events: Iterable[str], *, by: AbstractBaseUser, at: dt.datetime) -> Webhook:
    """Raises: RequestRefused."""
    refusals = Refusals()
    if reason := find_ban(by):
        refusals.add("", reason)
    if list_own(by).count() >= MAX_WEBHOOKS:
        refusals.add("", _("You have %(n)s webhooks; delete one first.") % {"n": MAX_WEBHOOKS})
    url, chosen = read_url(url, refusals), read_events(events, refusals)
    if refusals.errors:
        raise RequestRefused(refusals.errors)
    return Webhook.objects.create(owner_id=by.pk, url=url, events=chosen, created_at=at)


def change(webhook: Webhook, url: str, events: Iterable[str]) -> None:
    """Store another address or choice. Raises: RequestRefused."""
    refusals = Refusals()
    webhook.url, webhook.events = read_url(url, refusals), read_events(events, refusals)
    if refusals.errors:
        raise RequestRefused(refusals.errors)
    webhook.save(update_fields=["url", "events"])


def read_url(url: str, refusals: Refusals) -> str:
    """Check the form; what the name leads to is checked whenever something is sent."""
    url = url.strip()
    try:
        check_url(url, allow_private=settings.FETCH_ALLOW_PRIVATE)
    except InputFault as fault:
        refusals.add("url", say(str(fault)))
    return url


def read_events(events: Iterable[str], refusals: Refusals) -> list[str]:
    given = set(events)
    known = [str(event) for event in Webhook.Event if event in given]
    if not known or len(known) != len(given):
        refusals.add("events", _("Choose one or more of: %(known)s.") % {"known": ", ".join(Webhook.Event.values)})
    return known


def enable(webhook: Webhook) -> None:
    """Send to it again, what waits first."""
    Webhook.objects.filter(pk=webhook.pk).update(disabled_at=None, failures=0)


def disable(webhook: Webhook, *, at: dt.datetime) -> None:
    """Send nothing more to it until it is enabled; what happens meanwhile is not kept for it."""
    Webhook.objects.filter(pk=webhook.pk, disabled_at=None).update(disabled_at=at)


def send_test(webhook: Webhook, *, at: dt.datetime) -> None:
    """Have a message sent that tells of nothing. One that still waits is enough."""
    if not webhook.deliveries.filter(event=Delivery.TEST, due_at__isnull=False).exists():
        write(webhook, Delivery.TEST, {"webhook": str(webhook.pk)}, at=at)


def send_again(delivery: Delivery, *, at: dt.datetime) -> None:
    """Begin anew with the same message and the same id, by which its receiver knows it."""
    Delivery.objects.filter(pk=delivery.pk).update(due_at=at, attempts=0, delivered_at=None, status_code=None, fault="")


def write(webhook: Webhook, event: str, data: Data, *, at: dt.datetime) -> None:
    payload = {"type": event, "timestamp": at.isoformat(), "data": data}
    Delivery.objects.create(webhook=webhook, event=event, payload=payload, created_at=at, due_at=at)


def tell(user_id: int | None, event: Webhook.Event, data: Data, *, at: dt.datetime) -> None:
    """Have every enabled webhook of the account told that wants to know of it."""
    for webhook in Webhook.objects.filter(owner_id=user_id, disabled_at=None):
        if event in webhook.events:
            write(webhook, event, data, at=at)


def tell_finished(submission: Submission, *, at: dt.datetime) -> None:
    """Tell how it ended, and where it was verified, what the board now says of its entry."""
    owner = submission.submitter_id
    # Nearly everybody has none: this costs a publication one look.
    if owner is None or not Webhook.objects.filter(owner_id=owner, disabled_at=None).exists():
        return
    told = describe(submission)
    tell(owner, Webhook.Event.FINISHED, told | {"reason": submission.state_reason}, at=at)
    if submission.state == "verified":
        tell(owner, Webhook.Event.VERIFIED, told | read_entry(submission), at=at)


def tell_overtaken(held: Submission, facts: Data, *, at: dt.datetime) -> None:
    """Tell who led before: `facts` name the other model, and the ranks before and now."""
    tell(held.submitter_id, Webhook.Event.OVERTAKEN, describe(held) | {"entry": held.entry_id} | facts, at=at)


def describe(submission: Submission) -> Data:
    return {
        "submission": str(submission.pk),
        "state": submission.state,
        "benchmark": submission.benchmark.slug,
        "model": submission.model_name,
        "url": settings.BASE_URL + submission.get_absolute_url(),
    }


def read_entry(submission: Submission) -> Data:
    """Return the entry's verdict and its scores by metric, as the API's leaderboard names them."""
    entry_id = Submission.objects.values_list("entry_id", flat=True).get(pk=submission.pk)
    standings = list(Standing.objects.filter(entry_id=entry_id).select_related("metric", "entry"))
    return {
        "entry": entry_id,
        "status": standings[0].entry.status if standings else "",
        "verdict": standings[0].entry.verdict if standings else "",
        "verified": {each.metric.key: each.verified for each in standings},
        "claims": {each.metric.key: each.claimed for each in standings if each.claimed is not None},
        "ranks": {each.metric.key: each.rank for each in standings},
    }
