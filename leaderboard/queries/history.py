"""A board as it stood at the end of a day: derived from the claims and results of that time, not from today's table."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _

from evaluation.paired import unpack
from leaderboard.models import Benchmark, Entry, Metric, Standing
from leaderboard.queries.board import (
    PAGE_SIZE,
    Board,
    Counts,
    Cursor,
    Cut,
    choose_metric,
    make_board,
    read_cursor,
    read_present_board,
)
from leaderboard.queries.derivation import Known, build_standing, collect_known, settle
from leaderboard.queries.filters import BadQuery, BoardFilters
from leaderboard.queries.heads import Head
from leaderboard.queries.narrowing import check_status, narrow_entries
from leaderboard.queries.pairs import choose_outcomes, read_outcomes
from leaderboard.queries.rows import BoardRow, ScoreCell, WeightsLink
from leaderboard.ranking import RankInterval, rank, rank_intervals_from_intervals, rank_intervals_from_outcomes

MOST_ENTRIES, MOST_PAIRED = 5_000, 300


def read_board(head: Head, filters: BoardFilters, *, cursor: str | None = None, page_size: int = PAGE_SIZE) -> Board:
    """Return a page of the board, today's or a past one. Raises: BadQuery."""
    if filters.as_of is None:
        return read_present_board(head, filters, cursor=cursor, page_size=page_size)
    return read_past_board(head, filters, filters.as_of, cursor=cursor, page_size=page_size)


def read_past_board(head: Head, filters: BoardFilters, day: dt.date, *, cursor: str | None, page_size: int) -> Board:
    """Return a page of the board as it stood when `day` ended in UTC. Raises: BadQuery."""
    metric = choose_metric(head.metrics, filters.metric)
    check_status(filters)
    end = dt.datetime.combine(day, dt.time.max, tzinfo=dt.UTC)
    place = read_cursor(cursor, head, metric)
    entries, wanted = find_entries(head, filters, end)
    known = collect_known([entry.pk for entry in entries], until=end)
    standings = derive(entries, known, head.benchmark, head.metrics)
    ranked = rank_then(standings[metric.pk], metric, end)
    kept = [s for s in ranked if s.entry_id in wanted and has_status(s, filters.status)]
    cut = cut_page(kept, place, page_size)
    links = read_links([standing.entry_id for standing in cut.rows])
    rows = [
        build_row(
            standing,
            {each.key: build_cell(standings[each.pk][standing.entry_id]) for each in head.metrics},
            links[standing.entry_id],
            known[standing.entry_id],
        )
        for standing in cut.rows
    ]
    counts = count(standings[head.metrics[0].pk].values())
    return make_board(head, metric, Cut(rows, cut.has_before, cut.has_after), counts)


def find_entries(head: Head, filters: BoardFilters, end: dt.datetime) -> tuple[list[Entry], set[int]]:
    """Return the entries of that time, and the ids of those that the filters leave.

    All of them, as ranks and counts are the whole board's; of a board that is too large, what the filters leave stands
    for it. Raises: BadQuery where that is too much to derive for one reader.
    """
    whole = Entry.objects.filter(benchmark=head.benchmark, is_hidden=False, created_at__lte=end)
    left = narrow_entries(head, whole, filters)
    for entries in (whole, left):
        found = list(entries.select_related("model__paper").order_by("pk")[: MOST_ENTRIES + 1])
        if len(found) <= MOST_ENTRIES:
            return found, set(left.values_list("pk", flat=True))
    raise BadQuery("as_of", _("This board is too large to be shown as of a day; narrow it by framework or name."))


def derive(
    entries: Sequence[Entry], known: dict[int, Known], benchmark: Benchmark, metrics: Sequence[Metric]
) -> dict[int, dict[int, Standing]]:
    """Return each metric's standings by entry, none of them stored."""
    for entry in entries:
        settle(entry, known[entry.pk], benchmark, metrics)
    return {
        metric.pk: {entry.pk: build_standing(entry, known[entry.pk], metric) for entry in entries} for metric in metrics
    }


def rank_then(standings: dict[int, Standing], metric: Metric, end: dt.datetime) -> list[Standing]:
    """Return the visible standings, best first, with the ranks of that day."""
    visible = sorted((s for s in standings.values() if s.is_visible), key=lambda s: (-s.order_value, s.entry_id))
    ranks = rank([s.verified for s in visible], direction=metric.direction)
    intervals, paired = [(s.low, s.high) for s in visible], compare_then(visible, metric, end)
    spans = rank_intervals_from_intervals(intervals, direction=metric.direction, paired=paired)
    for standing, place, span in zip(visible, ranks, spans, strict=True):
        standing.rank, standing.rank_low, standing.rank_high = place, span.low, span.high
    return visible


def compare_then(visible: Sequence[Standing], metric: Metric, end: dt.datetime) -> dict[int, RankInterval]:
    """Return rank intervals of that day's paired tests, by place; of more entries than a reader waits for, none."""
    verified = [standing.entry_id for standing in visible if standing.verified is not None]
    if not 1 < len(verified) <= MOST_PAIRED:
        return {}
    outcomes = choose_outcomes([s.entry_id for s in visible], metric.key, read_outcomes(verified, until=end))
    spans = rank_intervals_from_outcomes([unpack(each) for each in outcomes.values()])
    return dict(zip(outcomes, spans, strict=True))


def count(standings: Iterable[Standing]) -> Counts:
    """Return that day's counts, as `services.boards.standings` counts today's, from the ranking metric's standings."""
    visible = [standing for standing in standings if standing.is_visible]
    verified = sum(standing.verified is not None for standing in visible)
    return Counts(len(visible), verified, sum(standing.is_mismatch for standing in visible))


def has_status(standing: Standing, status: str) -> bool:
    if status == "mismatch":
        return standing.entry.status == Entry.Status.MISMATCH
    return status == "all" or (standing.verified is not None) == (status == "verified")


def cut_page(standings: Sequence[Standing], cursor: Cursor | None, size: int) -> Cut[Standing]:
    """Return one page of what is sorted, as `slice_standings` does of stored standings."""
    if cursor is None:
        return Cut(standings[:size], False, len(standings) > size)
    place = (-cursor.order_value, cursor.entry_id)
    if cursor.backwards:
        before = [standing for standing in standings if (-standing.order_value, standing.entry_id) < place]
        return Cut(before[-size:], len(before) > size, True)
    after = [standing for standing in standings if (-standing.order_value, standing.entry_id) > place]
    return Cut(after[:size], True, len(after) > size)


def read_links(entry_ids: Sequence[int]) -> dict[int, list[WeightsLink]]:
    links: dict[int, list[WeightsLink]] = defaultdict(list)
    rows = Entry.weights.through.objects.filter(entry_id__in=entry_ids).order_by("-weights__framework", "weights_id")
    columns = ("entry_id", "weights__framework", "weights__url", "weights__sha256")
    for entry_id, *link in rows.values_list(*columns):
        links[entry_id].append(WeightsLink(*link))
    return links


def build_cell(standing: Standing) -> ScoreCell:
    score, claim = (standing.verified, standing.low, standing.high), (standing.claimed, standing.claimed_text)
    return ScoreCell(*claim, *score, standing.is_best)


def build_row(standing: Standing, scores: dict[str, ScoreCell], links: list[WeightsLink], known: Known) -> BoardRow:
    entry, model, paper = standing.entry, standing.entry.model, standing.entry.model.paper
    return BoardRow(
        entry_id=standing.entry_id,
        order_value=standing.order_value,
        rank=standing.rank,
        rank_low=standing.rank_low,
        rank_high=standing.rank_high,
        status=entry.status,
        verdict=entry.verdict,
        extra_data=entry.extra_data,
        code_urls=entry.code_urls,
        verified_at=entry.verified_at,
        model_slug=model.slug,
        model_name=model.name,
        image_size=entry.image_size,
        parameters=model.parameters,
        multiply_adds=model.multiply_adds,
        paper_url=paper.url if paper else "",
        paper_title=paper.title if paper else "",
        published_on=paper.published_on if paper else None,
        weights=links,
        result_id=known.result.pk if known.result else None,
        submission_id=known.result.run.submission_id if known.result else None,
        scores=scores,
    )
