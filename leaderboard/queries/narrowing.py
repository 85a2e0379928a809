"""Which rows the filters of a board leave.

Of a board as it stands, in the database's own words: put together by the ORM for each reader anew, a choice of fifty
rows takes longer than reading them.
"""

from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from leaderboard.models import BoardFacts, Entry, Metric
from leaderboard.queries.filters import STATUS_FILTERS, BadQuery, BoardFilters
from leaderboard.queries.heads import Head
from leaderboard.queries.names import read_sample

# A standing carries its entry's facts itself, so that no join keeps a database from walking down the board in order.
BOARD = "standing.benchmark_id = %s AND standing.metric_id = %s AND standing.is_visible"
STATUSES = {
    "verified": "standing.verified IS NOT NULL",
    "mismatch": "standing.verified IS NOT NULL AND standing.is_mismatch",
    "claimed": "standing.verified IS NULL",
}
EXTRA_DATA = {"with": "standing.has_extra_data", "without": "NOT standing.has_extra_data"}
FRAMEWORK = """EXISTS (
    SELECT 1 FROM leaderboard_entry_weights AS link JOIN leaderboard_weights AS weights ON weights.id = link.weights_id
    WHERE link.entry_id = standing.entry_id AND weights.framework IN ({marks}))"""
# As `icontains` asks; PostgreSQL has an index for it.
HOLDS = {"postgresql": "UPPER({name}::text) LIKE UPPER(%s)", "sqlite": r"{name} LIKE %s ESCAPE '\'"}
OWN_NAME = """(
    SELECT naming.name FROM leaderboard_entry AS named JOIN leaderboard_model AS naming ON naming.id = named.model_id
    WHERE named.id = standing.entry_id)"""
# Asked twice, PostgreSQL believes in few: so it takes the index, however it judges the text.
AMONG_NAMES = """standing.entry_id = ANY(ARRAY(
    SELECT named.id FROM leaderboard_entry AS named WHERE named.benchmark_id = %s AND named.model_id = ANY(ARRAY(
        SELECT naming.id FROM leaderboard_model AS naming WHERE {holds} AND {holds}))))"""


@dataclass
class Choice:
    """Conditions that standings meet, with the values in them."""

    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def require(self, condition: str, *values: Any) -> None:
        self.conditions.append(condition)
        self.values += values


def check_status(filters: BoardFilters) -> None:
    """Raises: BadQuery."""
    if filters.status not in STATUS_FILTERS:
        sentence = _("Unknown status “%(status)s”; use one of %(known)s.")
        known = ", ".join(STATUS_FILTERS)
        raise BadQuery("status", sentence % {"status": filters.status[:100], "known": known})


def find_spellings(facts: BoardFacts, framework: str) -> list[str]:
    """Return how the board spells the framework. Exact names let a database judge how many rows will be left."""
    return [name for name in facts.frameworks if name.lower() == framework.lower()] or [framework]


def filter_standings(head: Head, metric: Metric, filters: BoardFilters) -> Choice:
    """Return what the visible standings meet that the filters leave. Raises: BadQuery."""
    check_status(filters)
    choice = Choice()
    choice.require(BOARD, head.benchmark.pk, metric.pk)
    if filters.status in STATUSES:
        choice.require(STATUSES[filters.status])
    if filters.extra_data:
        choice.require(EXTRA_DATA[filters.extra_data])
    if filters.framework:
        spellings = find_spellings(head.facts, filters.framework)
        choice.require(FRAMEWORK.format(marks=", ".join(["%s"] * len(spellings))), *spellings)
    if filters.max_parameters is not None:
        choice.require("standing.parameters <= %s", filters.max_parameters)
    if filters.max_multiply_adds is not None:
        choice.require("standing.multiply_adds <= %s", filters.max_multiply_adds)
    if filters.published_from:
        choice.require("standing.published_on >= %s", connection.ops.adapt_datefield_value(filters.published_from))
    if filters.published_to:
        choice.require("standing.published_on <= %s", connection.ops.adapt_datefield_value(filters.published_to))
    if filters.text:
        require_name(choice, head, filters.text)
    return choice


def require_name(choice: Choice, head: Head, text: str) -> None:
    holds, pattern = HOLDS[connection.vendor], f"%{connection.ops.prep_for_like_query(text)}%"
    # Only PostgreSQL finds names by what they hold.
    if connection.vendor == "postgresql" and read_sample().is_rare(text, head.facts.entries):
        holds = holds.format(name="naming.name")
        choice.require(AMONG_NAMES.format(holds=holds), head.benchmark.pk, pattern, pattern)
    else:
        choice.require(holds.format(name=OWN_NAME), pattern)


def narrow_entries(head: Head, entries: QuerySet[Entry], filters: BoardFilters) -> QuerySet[Entry]:
    """Return the entries that the same filters leave, of a past board, which has no standings."""
    if filters.extra_data:
        entries = entries.exclude(extra_data="") if filters.extra_data == "with" else entries.filter(extra_data="")
    if filters.framework:
        links = Entry.weights.through.objects.filter(entry_id=OuterRef("pk"))
        spellings = find_spellings(head.facts, filters.framework)
        entries = entries.filter(Exists(links.filter(weights__framework__in=spellings)))
    bounds: dict[str, object] = {
        "model__parameters__lte": filters.max_parameters,
        "model__multiply_adds__lte": filters.max_multiply_adds,
        "model__paper__published_on__gte": filters.published_from,
        "model__paper__published_on__lte": filters.published_to,
        "model__name__icontains": filters.text or None,
    }
    return entries.filter(**{field: bound for field, bound in bounds.items() if bound is not None})
