"""A board as it stood at the end of a day: derived from the claims and results of that time, not from today's table."""

import datetime as dt
from collections.abc import Sequence
from itertools import islice
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from leaderboard.models import Benchmark, Entry, Metric, Standing
from leaderboard.queries.board import (
    PAGE_SIZE,
    Board,
    Cursor,
    benchmark_metrics,
    build_cell,
    build_row,
    choose_metric,
    read_board,
    read_links,
)
from leaderboard.queries.derivation import Known, build_standing, collect_known, settle
from leaderboard.queries.filters import STATUS_FILTERS, BadQuery, BoardFilters
from leaderboard.ranking import rank, rank_intervals_from_intervals

MOST_ENTRIES = 5_000


def read_any_board(
    benchmark: Benchmark, filters: BoardFilters, *, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Board:
    """Return a page of the board, today's or a past one. Raises: BadQuery."""
    if filters.as_of is None:
        return read_board(benchmark, filters, cursor=cursor, page_size=page_size)
    return read_past_board(benchmark, filters, filters.as_of, cursor=cursor, page_size=page_size)


def read_past_board(
    benchmark: Benchmark, filters: BoardFilters, day: dt.date, *, cursor: str | None, page_size: int
) -> Board:
    """Return a page of the board as it stood when `day` ended in UTC. Raises: BadQuery."""
    metrics = benchmark_metrics(benchmark)
    metric = choose_metric(metrics, filters.metric)
    if filters.status not in STATUS_FILTERS:
        known = ", ".join(STATUS_FILTERS)
        sentence = _("Unknown status “%(status)s”; use one of %(known)s.")
        raise BadQuery("status", sentence % {"status": filters.status[:100], "known": known})
    end = dt.datetime.combine(day, dt.time.max, tzinfo=dt.UTC)
    entries = list(find_entries(benchmark, filters, end)[: MOST_ENTRIES + 1])
    if len(entries) > MOST_ENTRIES:
        raise BadQuery("as_of", _("This board is too large to be shown as of a day; narrow it by framework or name."))
    known_then = collect_known([entry.pk for entry in entries], until=end)
    standings = derive(entries, known_then, benchmark, metrics)
    ranked = rank_then(standings[metric.pk], metric)
    wanted = [standing for standing in ranked if has_status(standing, filters.status)]
    page, has_before, has_after = cut(wanted, Cursor.decode(cursor) if cursor else None, page_size)
    links = read_links([standing.entry_id for standing in page])
    cells = {
        standing.entry_id: {m.key: build_cell(standings[m.pk][standing.entry_id]) for m in metrics} for standing in page
    }
    return Board(
        benchmark=benchmark,
        metrics=metrics,
        metric=metric,
        filters=filters,
        rows=tuple(
            build_row(s, cells[s.entry_id], links[s.entry_id], name_result(known_then[s.entry_id])) for s in page
        ),
        next_cursor=Cursor(page[-1].order_value, page[-1].entry_id).encode() if page and has_after else None,
        previous_cursor=Cursor(page[0].order_value, page[0].entry_id, True).encode() if page and has_before else None,
    )


def find_entries(benchmark: Benchmark, filters: BoardFilters, end: dt.datetime) -> QuerySet[Entry]:
    entries = Entry.objects.filter(benchmark=benchmark, is_hidden=False, created_at__lte=end)
    if filters.framework:
        links = Entry.weights.through.objects.filter(entry_id=OuterRef("pk"))
        entries = entries.filter(Exists(links.filter(weights__framework__iexact=filters.framework)))
    if filters.max_parameters is not None:
        entries = entries.filter(model__parameters__lte=filters.max_parameters)
    if filters.text:
        entries = entries.filter(model__name__icontains=filters.text)
    return entries.select_related("model__paper").order_by("pk")


def derive(
    entries: Sequence[Entry], known: dict[int, Known], benchmark: Benchmark, metrics: Sequence[Metric]
) -> dict[int, dict[int, Standing]]:
    """Return each metric's standings by entry, none of them stored."""
    for entry in entries:
        settle(entry, known[entry.pk], benchmark, metrics)
    return {
        metric.pk: {entry.pk: build_standing(entry, known[entry.pk], metric) for entry in entries} for metric in metrics
    }


def rank_then(standings: dict[int, Standing], metric: Metric) -> list[Standing]:
    """Return the visible standings, best first, with the ranks of that day."""
    visible = sorted((s for s in standings.values() if s.is_visible), key=lambda s: (-s.order_value, s.entry_id))
    ranks = rank([s.verified for s in visible], direction=metric.direction)
    spans = rank_intervals_from_intervals([(s.low, s.high) for s in visible], direction=metric.direction)
    for standing, place, span in zip(visible, ranks, spans, strict=True):
        standing.rank, standing.rank_low, standing.rank_high = place, span.low, span.high
    return visible


def has_status(standing: Standing, status: str) -> bool:
    if status == "mismatch":
        return standing.entry.status == Entry.Status.MISMATCH
    return status == "all" or (standing.verified is not None) == (status == "verified")


def cut(standings: list[Standing], cursor: Cursor | None, size: int) -> tuple[list[Standing], bool, bool]:
    """Return one page, and whether there are rows before and after it."""
    if cursor is None:
        return standings[:size], False, len(standings) > size
    place = (-cursor.order_value, cursor.entry_id)
    keys = [(-standing.order_value, standing.entry_id) for standing in standings]
    if cursor.backwards:
        before = [s for s, key in zip(standings, keys, strict=True) if key < place]
        return before[-size:], len(before) > size, True
    after = [s for s, key in zip(standings, keys, strict=True) if key > place]
    return list(islice(after, size)), True, len(after) > size


def name_result(known: Known) -> tuple[UUID, UUID] | None:
    return (known.result.pk, known.result.run.submission_id) if known.result else None
