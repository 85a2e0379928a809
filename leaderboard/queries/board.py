"""Leaderboards as plain dataclasses. A constant number of queries whatever the size of the board."""

import base64
import binascii
import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from leaderboard.claims.table import Action, Change, Finding, Severity
from leaderboard.models import Benchmark, BoardFacts, Entry, Metric, Result, Standing
from leaderboard.queries.filters import BadQuery, BoardFilters
from leaderboard.queries.narrowing import filter_standings

PAGE_SIZE = 50


@dataclass(frozen=True)
class ScoreCell:
    """One metric of a row: the claim as stated beside the verified score with its 95 % interval."""

    claimed: float | None = None
    claimed_text: str = ""
    verified: float | None = None
    low: float | None = None
    high: float | None = None
    is_best: bool = False

    @property
    def shown(self) -> float | None:
        return self.claimed if self.verified is None else self.verified

    @property
    def difference(self) -> float | None:
        if self.verified is None or self.claimed is None:
            return None
        return self.verified - self.claimed


@dataclass(frozen=True)
class WeightsLink:
    framework: str
    url: str
    sha256: str


@dataclass(frozen=True)
class BoardRow:
    """One row of a leaderboard. Rank and rank interval are those of the sorted metric and None while unverified."""

    entry_id: int
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    model_slug: str
    model_name: str
    status: str
    verdict: str
    scores: dict[str, ScoreCell]
    weights: tuple[WeightsLink, ...]
    paper_url: str
    paper_title: str
    published_on: dt.date | None
    code_urls: tuple[dict[str, str], ...]
    parameters: int | None
    multiply_adds: int | None
    extra_data: str
    verified_at: dt.datetime | None
    result_id: UUID | None = None
    submission_id: UUID | None = None

    @property
    def is_level(self) -> bool:
        """Tell whether the leader cannot be told apart from this row, which is not the leader."""
        return self.rank_low == 1 and self.rank != 1

    @property
    def frameworks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(link.framework for link in self.weights))


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
    """The standings of one page, best first, and whether there are more before and after them."""

    standings: list[Standing]
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
    page = list(standings.select_related("entry__model__paper").order_by(*order)[: size + 1])
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
    return make_board(benchmark, metrics, metric, filters, build_rows(cut.standings), cut)


def make_board(
    benchmark: Benchmark,
    metrics: tuple[Metric, ...],
    metric: Metric,
    filters: BoardFilters,
    rows: tuple[BoardRow, ...],
    cut: Cut,
) -> Board:
    """Return the page with the cursors to its neighbours."""
    page = cut.standings
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


def build_rows(standings: Iterable[Standing]) -> tuple[BoardRow, ...]:
    """Fill the rows of these standings (entry, model and paper already joined) with three more queries."""
    standings = list(standings)
    ids = [standing.entry_id for standing in standings]
    cells: dict[int, dict[str, ScoreCell]] = defaultdict(dict)
    for other in Standing.objects.filter(entry_id__in=ids).select_related("metric"):
        cells[other.entry_id][other.metric.key] = build_cell(other)
    links, results = read_links(ids), read_results([s.entry_id for s in standings if s.verified is not None])
    return tuple(build_row(s, cells[s.entry_id], links[s.entry_id], results.get(s.entry_id)) for s in standings)


def build_cell(standing: Standing) -> ScoreCell:
    return ScoreCell(
        standing.claimed,
        standing.claimed_text,
        standing.verified,
        standing.low,
        standing.high,
        standing.is_best,
    )


def read_links(entry_ids: list[int]) -> dict[int, list[WeightsLink]]:
    links: dict[int, list[WeightsLink]] = defaultdict(list)
    rows = Entry.weights.through.objects.filter(entry_id__in=entry_ids).order_by("-weights__framework", "weights_id")
    columns = ("entry_id", "weights__framework", "weights__url", "weights__sha256")
    for entry_id, framework, url, sha256 in rows.values_list(*columns):
        links[entry_id].append(WeightsLink(framework, url, sha256))
    return links


def read_results(entry_ids: list[int]) -> dict[int, tuple[UUID, UUID]]:
    """Return each entry's standing result with its submission."""
    rows = Result.objects.filter(entry_id__in=entry_ids, retracted_at=None).order_by("created_at")
    return {
        entry_id: (result_id, submission_id)
        for entry_id, result_id, submission_id in rows.values_list("entry_id", "id", "run__submission_id")
    }


def build_row(
    standing: Standing, cells: dict[str, ScoreCell], links: list[WeightsLink], result: tuple[UUID, UUID] | None
) -> BoardRow:
    entry, model = standing.entry, standing.entry.model
    return BoardRow(
        entry_id=entry.id,
        rank=standing.rank,
        rank_low=standing.rank_low,
        rank_high=standing.rank_high,
        model_slug=model.slug,
        model_name=model.name,
        status=entry.status,
        verdict=entry.verdict,
        scores=cells,
        weights=tuple(links),
        paper_url=model.paper.url if model.paper else "",
        paper_title=model.paper.title if model.paper else "",
        published_on=model.paper.published_on if model.paper else None,
        code_urls=tuple(entry.code_urls),
        parameters=model.parameters,
        multiply_adds=model.multiply_adds,
        extra_data=entry.extra_data,
        verified_at=entry.verified_at,
        result_id=result[0] if result else None,
        submission_id=result[1] if result else None,
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


def read_rows(standings: QuerySet[Standing]) -> tuple[BoardRow, ...]:
    """Return the rows of these standings in their order."""
    return build_rows(standings.select_related("entry__model__paper"))
