"""What an address asks of a board."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

MAX_NUMBER = 10**15
STATUS_FILTERS = ("all", "verified", "mismatch", "claimed")
EXTRA_DATA_FILTERS = ("", "without", "with")


class BadQuery(ValueError):
    """A query parameter is off. `field` names it; the message is one plain sentence."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class BoardFilters:
    """What part of a board is asked for. `status` "verified" means with a verified score, mismatches included."""

    metric: str = ""
    status: str = "all"
    framework: str = ""
    max_parameters: int | None = None
    as_of: dt.date | None = None
    text: str = ""
    max_multiply_adds: int | None = None
    published_from: dt.date | None = None
    published_to: dt.date | None = None
    extra_data: str = ""


def read_number(parameters: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    """Return a whole number, None where it is not given. Raises: BadQuery."""
    text = parameters.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 16 or not low <= int(text) <= high:
        sentence = _("%(name)s is a whole number from %(low)s to %(high)s.")
        raise BadQuery(name, sentence % {"name": name, "low": low, "high": high})
    return int(text)


def read_date(parameters: Mapping[str, str], name: str) -> dt.date | None:
    """Return a day, None where it is not given. Raises: BadQuery."""
    text = parameters.get(name, "").strip()
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadQuery(name, _("%(name)s is a date such as 2026-01-31.") % {"name": name}) from error


def read_filters(parameters: Mapping[str, str]) -> BoardFilters:
    """Return the filters that an address asks for. Raises: BadQuery."""
    for name, text in parameters.items():
        if "\0" in text or len(text) > 300:
            sentence = _("%(name)s is longer than it can be, or holds a null byte.")
            raise BadQuery(name, sentence % {"name": name})
    extra_data = parameters.get("extra_data", "")
    if extra_data not in EXTRA_DATA_FILTERS:
        raise BadQuery("extra_data", _("extra_data is with, without or nothing."))
    return BoardFilters(
        metric=parameters.get("metric", ""),
        status=parameters.get("status", "") or "all",
        framework=parameters.get("framework", ""),
        max_parameters=read_number(parameters, "max_parameters", 1, MAX_NUMBER),
        as_of=read_date(parameters, "as_of"),
        text=parameters.get("q", ""),
        max_multiply_adds=read_number(parameters, "max_multiply_adds", 1, MAX_NUMBER),
        published_from=read_date(parameters, "published_from"),
        published_to=read_date(parameters, "published_to"),
        extra_data=extra_data,
    )
