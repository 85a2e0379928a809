"""Which rows the filters of a board leave."""

from typing import TypeVar

from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils.translation import gettext as _

from leaderboard.models import BoardFacts, Entry, Metric, Standing
from leaderboard.queries.filters import STATUS_FILTERS, BadQuery, BoardFilters
from leaderboard.queries.heads import Head

R = TypeVar("R", bound=Model)
# Where a filtered fact is found: a standing carries its entry's facts itself, so that no join keeps a database from
# walking down the board in order; a past board has entries only.
STANDING = {
    "entry": "entry_id",
    "name": "entry__model__name",
    "parameters": "parameters",
    "multiply_adds": "multiply_adds",
    "published_on": "published_on",
}
ENTRY = {
    "entry": "pk",
    "name": "model__name",
    "parameters": "model__parameters",
    "multiply_adds": "model__multiply_adds",
    "published_on": "model__paper__published_on",
}


def check_status(filters: BoardFilters) -> None:
    """Raises: BadQuery."""
    if filters.status not in STATUS_FILTERS:
        sentence = _("Unknown status “%(status)s”; use one of %(known)s.")
        known = ", ".join(STATUS_FILTERS)
        raise BadQuery("status", sentence % {"status": filters.status[:100], "known": known})


def narrow_entries(head: Head, entries: QuerySet[Entry], filters: BoardFilters) -> QuerySet[Entry]:
    if filters.extra_data:
        entries = entries.exclude(extra_data="") if filters.extra_data == "with" else entries.filter(extra_data="")
    return narrow(entries, filters, ENTRY, head.facts)


def narrow(rows: QuerySet[R], filters: BoardFilters, places: dict[str, str], facts: BoardFacts) -> QuerySet[R]:
    """Keep what the filters on model, paper and weights leave."""
    if filters.framework:
        links = Entry.weights.through.objects.filter(entry_id=OuterRef(places["entry"]))
        rows = rows.filter(Exists(links.filter(weights__framework__in=find_spellings(facts, filters.framework))))
    bounds: dict[str, object] = {
        f"{places['parameters']}__lte": filters.max_parameters,
        f"{places['multiply_adds']}__lte": filters.max_multiply_adds,
        f"{places['published_on']}__gte": filters.published_from,
        f"{places['published_on']}__lte": filters.published_to,
    }
    bounds[f"{places['name']}__icontains"] = filters.text or None
    asked = {field: bound for field, bound in bounds.items() if bound is not None}
    return rows.filter(**asked) if asked else rows


def find_spellings(facts: BoardFacts, framework: str) -> list[str]:
    """Return how the board spells the framework. Exact names let a database judge how many rows will be left."""
    return [name for name in facts.frameworks if name.lower() == framework.lower()] or [framework]


def filter_standings(head: Head, metric: Metric, filters: BoardFilters) -> QuerySet[Standing]:
    """Return the visible standings that the filters leave. Raises: BadQuery."""
    check_status(filters)
    asked: dict[str, object] = {"benchmark": head.benchmark, "metric": metric, "is_visible": True}
    if filters.status != "all":
        asked["verified__isnull"] = filters.status == "claimed"
    if filters.status == "mismatch":
        asked["is_mismatch"] = True
    if filters.extra_data:
        asked["has_extra_data"] = filters.extra_data == "with"
    return narrow(Standing.objects.filter(**asked), filters, STANDING, head.facts)
