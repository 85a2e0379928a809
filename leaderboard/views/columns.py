"""Which columns of a board a reader wants to see, kept in the address."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

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


@dataclass(frozen=True)
class Toggle:
    """A column that is shown or not, and the address's value that turns it over; None is the usual choice."""

    name: str | Promise
    is_shown: bool
    value: str | None


def read_columns(query: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys of the columns to show; what is not known is passed over."""
    if "columns" not in query:
        return USUAL
    chosen = query["columns"].split(",")
    return tuple(key for key in COLUMNS if key in chosen)


def list_toggles(shown: tuple[str, ...]) -> list[Toggle]:
    toggles = []
    for key, name in COLUMNS.items():
        other = tuple(each for each in COLUMNS if (each in shown) != (each == key))
        toggles.append(Toggle(name, key in shown, None if other == USUAL else ",".join(other)))
    return toggles
