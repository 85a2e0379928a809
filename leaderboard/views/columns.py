"""Which columns of a board a reader wants to see, kept in the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from leaderboard.queries import Head

# What every board shows anyway: rank, model and the score it is sorted by.
COLUMNS: dict[str, str | Promise] = {
    "strip": _("Interval and claim"),
    "metrics": _("Other metrics"),
    "parameters": _("Parameters"),
    "multiply_adds": _("Multiply-adds"),
    "published": _("Paper of"),
    "extra_data": _("Extra data"),
    "verdict": _("Verdict"),
    "links": _("Links"),
    "date": _("Verified"),
}
USUAL = ("strip", "metrics", "verdict", "links", "date")
# The classes of a column that stands behind the scores.
KINDS = {
    "parameters": "number fact",
    "multiply_adds": "number fact",
    "published": "fact",
    "extra_data": "fact",
    "verdict": "verdict",
    "links": "links",
    "date": "date",
}


@dataclass(frozen=True)
class Toggle:
    """A column that is shown or not, and the address's value that turns it over; None is the usual choice."""

    name: str
    is_shown: bool
    value: str | None


@dataclass(frozen=True)
class Behind:
    """A column behind the scores: its name and its classes."""

    name: str
    kind: str


def list_offered(head: Head) -> tuple[str, ...]:
    """Return the keys of the columns that can hold something, as far as the facts of the whole board tell."""
    has_dates = head.facts.verified > 0 or head.benchmark.takes_submissions
    held = {"metrics": len(head.metrics) > 1, "links": head.facts.has_links, "date": has_dates}
    return tuple(key for key in COLUMNS if held.get(key, True))


def read_columns(query: Mapping[str, str], offered: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys of the columns to show; what is not offered is passed over."""
    chosen = query["columns"].split(",") if "columns" in query else USUAL
    return tuple(key for key in offered if key in chosen)


@cache
def list_toggles(shown: tuple[str, ...], offered: tuple[str, ...], language: str | None) -> tuple[Toggle, ...]:
    """Return them in the reader's language, which is the active one."""
    toggles = []
    usual = tuple(key for key in offered if key in USUAL)
    for key in offered:
        other = tuple(each for each in offered if (each in shown) != (each == key))
        toggles.append(Toggle(str(COLUMNS[key]), key in shown, None if other == usual else ",".join(other)))
    return tuple(toggles)


@cache
def list_behind(shown: tuple[str, ...], language: str | None) -> tuple[Behind, ...]:
    """Return what is shown behind the scores, in the reader's language, which is the active one."""
    return tuple(Behind(str(COLUMNS[key]), KINDS[key]) for key in shown if key in KINDS)
