"""A board as it stood at the end of a day: derived from the claims and results of that time, not from today's table."""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from django.utils.translation import gettext as _

from leaderboard.models import Benchmark, Entry, Metric, Standing
from leaderboard.queries.board import (
    PAGE_SIZE,
    Board,
    Cursor,
    Cut,
    benchmark_metrics,
    choose_metric,
    make_board,
    read_present_board,
)
from leaderboard.queries.derivation import Known, build_standing, collect_known, settle
from leaderboard.queries.filters import BadQuery, BoardFilters
from leaderboard.queries.narrowing import check_status, narrow_entries
from leaderboard.queries.rows import Line, build_cell, build_row, make_line, read_links
from leaderboard.ranking import rank, rank_intervals_from_intervals

MOST_ENTRIES = 5_000


def read_board(
    benchmark: Benchmark, filters: BoardFilters, *, cursor: str | None = None, page_size: int = PAGE_SIZE
) -> Board:
    """Return a page of the board, today's or a past one. Raises: BadQuery."""
    if filters.as_of is None:
        return read_present_board(benchmark, filters, cursor=cursor, page_size=page_size)
    return read_past_board(benchmark, filters, filters.as_of, cursor=cursor, page_size=page_size)


def read_past_board(
    benchmark: Benchmark, filters: BoardFilters, day: dt.date, *, cursor: str | None, page_size: int
) -> Board:
    """Return a page of the board as it stood when `day` ended in UTC. Raises: BadQuery."""
    metrics = benchmark_metrics(benchmark)
    metric = choose_metric(metrics, filters.metric)
    check_status(filters)
    end = dt.datetime.combine(day, dt.time.max, tzinfo=dt.UTC)
    entries = find_entries(benchmark, filters, end)
    known = collect_known([entry.pk for entry in entries], until=end)
    standings = derive(entries, known, benchmark, metrics)
    wanted = [s for s in rank_then(standings[metric.pk], metric) if has_status(s, filters.status)]
    cut = cut_page([make_line(standing) for standing in wanted], Cursor.decode(cursor) if cursor else None, page_size)
    links = read_links([line.entry_id for line in cut.lines])
    rows = tuple(
        build_row(
            line,
            {each.key: build_cell(standings[each.pk][line.entry_id]) for each in metrics},
            links[line.entry_id],
            name_result(known[line.entry_id]),
        )
        for line in cut.lines
    )
    return make_board(benchmark, metrics, metric, filters, rows, cut)


def find_entries(benchmark: Benchmark, filters: BoardFilters, end: dt.datetime) -> list[Entry]:
    """Raises: BadQuery where they are too many to derive for one reader."""
    entries = Entry.objects.filter(benchmark=benchmark, is_hidden=False, created_at__lte=end)
    entries = narrow_entries(entries, filters).select_related("model__paper").order_by("pk")
    found = list(entries[: MOST_ENTRIES + 1])
    if len(found) > MOST_ENTRIES:
        raise BadQuery("as_of", _("This board is too large to be shown as of a day; narrow it by framework or name."))
    return found


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


def cut_page(lines: list[Line], cursor: Cursor | None, size: int) -> Cut:
    """Return one page of sorted lines, as `slice_standings` does of stored standings."""
    if cursor is None:
        return Cut(lines[:size], False, len(lines) > size)
    place = (-cursor.order_value, cursor.entry_id)
    if cursor.backwards:
        before = [line for line in lines if (-line.order_value, line.entry_id) < place]
        return Cut(before[-size:], len(before) > size, True)
    after = [line for line in lines if (-line.order_value, line.entry_id) > place]
    return Cut(after[:size], True, len(after) > size)


def name_result(known: Known) -> tuple[UUID, UUID] | None:
    return (known.result.pk, known.result.run.submission_id) if known.result else None
