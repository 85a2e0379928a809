"""Leaderboards as plain dataclasses. A constant number of queries whatever the size of the board."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from leaderboard.claims.table import Action, Change, Finding, Severity
from leaderboard.models import Benchmark, BoardFacts, Metric, Standing
from leaderboard.queries.filters import BadQuery, BoardFilters
from leaderboard.queries.narrowing import filter_standings
from leaderboard.queries.rows import BoardRow, Line, build_rows, read_lines

PAGE_SIZE = 50


@dataclass(frozen=True)
class Board:
    """A page of a benchmark's leaderboard, sorted by `metric`, best first."""

    benchmark: Benchmark
    metrics: tuple[Metric, ...]
    metric: Metric
    filters: BoardFilters
    rows: tuple[BoardRow, ...]
    next_cursor: str | None = None
    previous_cursor: str | None = None


@dataclass(frozen=True)
class Cursor:
    """A place between two rows in the order of the board; `backwards` asks for the page before it."""

    order_value: float
    entry_id: int
    backwards: bool = False

    def encode(self) -> str:
        text = json.dumps([self.order_value, self.entry_id, int(self.backwards)])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Raises: BadQuery."""
        try:
            value, entry_id, backwards = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            return cls(float(value), int(entry_id), bool(backwards))
        except (ValueError, TypeError, binascii.Error) as error:
            raise BadQuery("cursor", _("This cursor is not one of ours; start again from the first page.")) from error


def benchmark_metrics(benchmark: Benchmark) -> tuple[Metric, ...]:
    """Return the benchmark's metrics, the ranking one first."""
    metrics = Metric.objects.filter(benchmark_metrics__benchmark=benchmark)
    return tuple(metrics.order_by("benchmark_metrics__position"))


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


class Cut(NamedTuple):
    """The lines of one page, best first, and whether there are more before and after them."""

    lines: list[Line]
    has_before: bool
    has_after: bool


def slice_standings(standings: QuerySet[Standing], cursor: Cursor | None, size: int) -> Cut:
    """Return one keyset page."""
    backwards = cursor is not None and cursor.backwards
    if cursor is not None:
        value, entry = cursor.order_value, cursor.entry_id
        # Written as a range with an exception: an OR would keep databases from entering the index at its place.
        after = Q(order_value__lte=value) & ~Q(order_value=value, entry_id__lte=entry)
        before = Q(order_value__gte=value) & ~Q(order_value=value, entry_id__gte=entry)
        standings = standings.filter(before if backwards else after)
    order = ("order_value", "-entry_id") if backwards else ("-order_value", "entry_id")
    page = read_lines(standings.order_by(*order)[: size + 1])
    has_more, page = len(page) > size, page[:size]
    if backwards:
        return Cut(page[::-1], has_more, True)
    return Cut(page, cursor is not None, has_more)


def read_present_board(benchmark: Benchmark, filters: BoardFilters, *, cursor: str | None, page_size: int) -> Board:
    """Return a page of the board as it stands. Raises: BadQuery."""
    metrics = benchmark_metrics(benchmark)
    metric = choose_metric(metrics, filters.metric)
    standings = filter_standings(benchmark, metric, filters)
    cut = slice_standings(standings, Cursor.decode(cursor) if cursor else None, page_size)
    return make_board(benchmark, metrics, metric, filters, build_rows(cut.lines), cut)


def make_board(
    benchmark: Benchmark,
    metrics: tuple[Metric, ...],
    metric: Metric,
    filters: BoardFilters,
    rows: tuple[BoardRow, ...],
    cut: Cut,
) -> Board:
    """Return the page with the cursors to its neighbours."""
    page = cut.lines
    following = Cursor(page[-1].order_value, page[-1].entry_id) if page and cut.has_after else None
    preceding = Cursor(page[0].order_value, page[0].entry_id, True) if page and cut.has_before else None
    return Board(
        benchmark=benchmark,
        metrics=metrics,
        metric=metric,
        filters=filters,
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
