"""Leaderboards as plain dataclasses. A constant number of queries whatever the size of the board."""

import base64
import binascii
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from django.utils.translation import gettext as _

from leaderboard.claims.table import Action, Change, Finding, Severity
from leaderboard.models import BoardFacts, Metric
from leaderboard.queries.filters import BadQuery, BoardFilters
from leaderboard.queries.heads import Head
from leaderboard.queries.narrowing import Choice, filter_standings
from leaderboard.queries.rows import CHOSEN, BoardRow, read_chosen

PAGE_SIZE = 50
PAGE = """
SELECT {columns} FROM leaderboard_standing AS standing
WHERE {conditions} ORDER BY {order} LIMIT %s
"""
# Written as a range with an exception: an OR would keep databases from entering the index at its place.
AFTER = "standing.order_value <= %s AND NOT (standing.order_value = %s AND standing.entry_id <= %s)"
BEFORE = "standing.order_value >= %s AND NOT (standing.order_value = %s AND standing.entry_id >= %s)"
T = TypeVar("T")


class Counts(NamedTuple):
    """How many entries a board has, whatever the page of it is narrowed to, or how many of them one entry is."""

    entries: int = 0
    verified: int = 0
    mismatch: int = 0

    @classmethod
    def of(cls, facts: BoardFacts) -> "Counts":
        return cls(facts.entries, facts.verified, facts.mismatch)

    @property
    def claimed(self) -> int:
        return self.entries - self.verified


@dataclass(frozen=True)
class Board:
    """A page of a benchmark's leaderboard, sorted by `metric`, best first."""

    head: Head
    metric: Metric
    counts: Counts
    rows: Sequence[BoardRow]
    next_cursor: str | None = None
    previous_cursor: str | None = None


@dataclass(frozen=True)
class Cursor:
    """A place between two rows in the order of the board; `backwards` asks for the page before it.

    `order`: the ids of the board and of the metric that it is sorted by, as the place means nothing in another order.
    """

    order: tuple[int, int]
    order_value: float
    entry_id: int
    backwards: bool = False

    def encode(self) -> str:
        text = json.dumps([self.order_value, self.entry_id, int(self.backwards), *self.order])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Raises: BadQuery."""
        try:
            value, entry_id, backwards, *order = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            benchmark, metric = map(int, order)
            cursor = cls((benchmark, metric), float(value), int(entry_id), bool(backwards))
            if not math.isfinite(cursor.order_value) or not 0 <= cursor.entry_id < 2**63:
                raise ValueError("no row has such a place")
            return cursor
        except (ValueError, TypeError, OverflowError, binascii.Error) as error:
            raise BadQuery("cursor", _("This cursor is not one of ours; start again from the first page.")) from error


def read_cursor(text: str | None, head: Head, metric: Metric) -> Cursor | None:
    """Return the place that an address asks for. Raises: BadQuery."""
    cursor = Cursor.decode(text) if text else None
    if cursor and cursor.order != (head.benchmark.pk, metric.pk):
        sentence = _("This cursor is of another board, or of another metric's order; start again from the first page.")
        raise BadQuery("cursor", sentence)
    return cursor


def choose_metric(metrics: tuple[Metric, ...], key: str) -> Metric:
    """Raises: BadQuery where the benchmark has no such metric."""
    if not metrics:
        raise BadQuery("metric", _("This benchmark has no metrics yet; an admin adds them."))
    if not key:
        return metrics[0]
    for metric in metrics:
        if metric.key == key:
            return metric
    known = ", ".join(metric.key for metric in metrics)
    raise BadQuery(
        "metric", _("This benchmark has no metric “%(key)s”; it has %(known)s.") % {"key": key[:100], "known": known}
    )


class Cut(NamedTuple, Generic[T]):
    """The rows of one page, best first, and whether there are more before and after them."""

    rows: Sequence[T]
    has_before: bool
    has_after: bool


def slice_standings(choice: Choice, cursor: Cursor | None, size: int) -> Cut[BoardRow]:
    """Return one keyset page of the standings that are chosen."""
    backwards = cursor is not None and cursor.backwards
    if cursor is not None:
        place = (cursor.order_value, cursor.order_value, cursor.entry_id)
        choice.require(BEFORE if backwards else AFTER, *place)
    statement = PAGE.format(
        columns=", ".join(f"standing.{column}" for column in CHOSEN),
        conditions=" AND ".join(choice.conditions),
        order="standing.order_value, standing.entry_id DESC"
        if backwards
        else "standing.order_value DESC, standing.entry_id",
    )
    rows = read_chosen(statement, [*choice.values, size + 1])
    has_more = len(rows) > size
    if backwards:
        # The one too many is the furthest from the cursor.
        return Cut(rows[-size:], has_more, True)
    return Cut(rows[:size], cursor is not None, has_more)


def read_present_board(head: Head, filters: BoardFilters, *, cursor: str | None, page_size: int) -> Board:
    """Return a page of the board as it stands. Raises: BadQuery."""
    metric = choose_metric(head.metrics, filters.metric)
    standings = filter_standings(head, metric, filters)
    cut = slice_standings(standings, read_cursor(cursor, head, metric), page_size)
    return make_board(head, metric, cut, Counts.of(head.facts))


def make_board(head: Head, metric: Metric, cut: Cut[BoardRow], counts: Counts) -> Board:
    """Return the page with the cursors to its neighbours."""
    rows, order = cut.rows, (head.benchmark.pk, metric.pk)
    following = Cursor(order, rows[-1].order_value, rows[-1].entry_id) if rows and cut.has_after else None
    preceding = Cursor(order, rows[0].order_value, rows[0].entry_id, True) if rows and cut.has_before else None
    return Board(
        head=head,
        metric=metric,
        counts=counts,
        rows=rows,
        next_cursor=following.encode() if following else None,
        previous_cursor=preceding.encode() if preceding else None,
    )


def read_findings(facts: BoardFacts) -> tuple[Finding, ...]:
    """Return the claim lint's findings as they were stored."""
    return tuple(
        Finding(
            rule=stored["rule"],
            severity=Severity(stored["severity"]),
            rows=tuple(stored["rows"]),
            sentence=stored["sentence"],
            parameters=stored["parameters"],
            repair=tuple(Change(**{**change, "action": Action(change["action"])}) for change in stored["repair"]),
        )
        for stored in facts.findings
    )
