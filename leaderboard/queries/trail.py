"""The audit trail, narrowed, the latest first. It is paged by id: it only grows, and nobody counts it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from leaderboard.models import AuditEvent
from leaderboard.queries.filters import BadQuery

PER_PAGE = 50
MOST_CHARACTERS = 150
# Whose pages an admin can go to from a line.
PAGES = {"submission": "submission", "entry": "entry"}


@dataclass(frozen=True)
class TrailFilters:
    """What of the trail is asked for; everything where nothing is said."""

    since: dt.date | None = None
    until: dt.date | None = None
    before: int | None = None
    actor: str = ""
    action: str = ""
    kind: str = ""
    target: str = ""


@dataclass(frozen=True)
class TrailLine:
    """One line, with the address of what it is about where that has a page."""

    event: AuditEvent
    url: str


@dataclass(frozen=True)
class Trail:
    """A page of the trail; `older` is the query of the next one, "" on the last."""

    lines: tuple[TrailLine, ...]
    older: str


def read_trail_filters(query: Mapping[str, str]) -> TrailFilters:
    """Raises: BadQuery."""
    texts = {name: query.get(name, "").strip() for name in ("actor", "action", "kind", "target")}
    for name, text in texts.items():
        if len(text) > MOST_CHARACTERS or "\0" in text:
            raise BadQuery(name, _("At most 150 characters, please."))
    before = query.get("before", "")
    if before and not (before.isdecimal() and len(before) < 18):
        raise BadQuery("before", _("This page of the trail does not exist; begin at its top."))
    return TrailFilters(
        actor=texts["actor"],
        action=texts["action"],
        kind=texts["kind"],
        target=texts["target"],
        since=read_day(query, "since"),
        until=read_day(query, "until"),
        before=int(before) if before else None,
    )


def read_day(query: Mapping[str, str], name: str) -> dt.date | None:
    """Raises: BadQuery."""
    text = query.get(name, "")
    try:
        day = parse_date(text) if text else None
    except ValueError:
        day = None
    if text and day is None:
        raise BadQuery(name, _("Give a day as 2026-03-01."))
    return day


def read_trail(filters: TrailFilters) -> Trail:
    """Return a page of the lines that fit, with one query."""
    wanted = {"actor": filters.actor, "action": filters.action, "target_type": filters.kind}
    events = AuditEvent.objects.filter(**{name: value for name, value in wanted.items() if value})
    if filters.target:
        events = events.filter(target_id__startswith=filters.target)
    if filters.since:
        events = events.filter(at__gte=dt.datetime.combine(filters.since, dt.time.min, tzinfo=dt.UTC))
    if filters.until:
        events = events.filter(at__lte=dt.datetime.combine(filters.until, dt.time.max, tzinfo=dt.UTC))
    if filters.before:
        events = events.filter(pk__lt=filters.before)
    found = list(events.order_by("-pk")[: PER_PAGE + 1])
    lines = tuple(TrailLine(event, find_page(event)) for event in found[:PER_PAGE])
    return Trail(lines, ask_older(filters, lines[-1].event.pk) if len(found) > PER_PAGE else "")


def find_page(event: AuditEvent) -> str:
    name = PAGES.get(event.target_type)
    return reverse(name, args=[event.target_id]) if name else ""


def ask_older(filters: TrailFilters, before: int) -> str:
    asked = {name: value for name, value in vars(filters).items() if value and name != "before"}
    return urlencode(asked | {"before": before})
