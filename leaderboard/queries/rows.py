"""The rows of a board, read as plain values: as objects of the models they would cost ten times as much."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from leaderboard.models import Entry, Result, Standing


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


class Line(NamedTuple):
    """What a row takes from its standing, entry, model and paper; `LINE` says where each stands."""

    entry_id: int
    order_value: float
    verified: float | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    status: str
    verdict: str
    extra_data: str
    code_urls: list[dict[str, str]]
    verified_at: dt.datetime | None
    model_slug: str
    model_name: str
    parameters: int | None
    multiply_adds: int | None
    paper_url: str | None
    paper_title: str | None
    published_on: dt.date | None


OF_ENTRY, OF_MODEL = "entry__", "entry__model__"
LINE = (
    *("entry_id", "order_value", "verified", "rank", "rank_low", "rank_high"),
    *(OF_ENTRY + name for name in ("status", "verdict", "extra_data", "code_urls", "verified_at")),
    *(OF_MODEL + name for name in ("slug", "name", "parameters", "multiply_adds")),
    *(OF_MODEL + "paper__" + name for name in ("url", "title", "published_on")),
)
CELL = ("entry_id", "metric__key", "claimed", "claimed_text", "verified", "low", "high", "is_best")


def read_lines(standings: QuerySet[Standing]) -> list[Line]:
    """Return the standings' lines in their order, with one query."""
    return [Line(*values) for values in standings.values_list(*LINE)]


def make_line(standing: Standing) -> Line:
    """Return the line of a standing that is at hand, with its entry, model and paper."""
    entry, model, paper = standing.entry, standing.entry.model, standing.entry.model.paper
    return Line(
        standing.entry_id,
        standing.order_value,
        standing.verified,
        standing.rank,
        standing.rank_low,
        standing.rank_high,
        entry.status,
        entry.verdict,
        entry.extra_data,
        entry.code_urls,
        entry.verified_at,
        model.slug,
        model.name,
        model.parameters,
        model.multiply_adds,
        paper.url if paper else None,
        paper.title if paper else None,
        paper.published_on if paper else None,
    )


def read_rows(standings: QuerySet[Standing]) -> tuple[BoardRow, ...]:
    """Return the rows of these standings in their order."""
    return build_rows(read_lines(standings))


def build_rows(lines: Iterable[Line]) -> tuple[BoardRow, ...]:
    """Fill the rows with three more queries."""
    lines = list(lines)
    ids = [line.entry_id for line in lines]
    cells = read_cells(ids)
    links, results = read_links(ids), read_results([line.entry_id for line in lines if line.verified is not None])
    return tuple(build_row(ln, cells[ln.entry_id], links[ln.entry_id], results.get(ln.entry_id)) for ln in lines)


def read_cells(entry_ids: list[int]) -> dict[int, dict[str, ScoreCell]]:
    """Return the scores of the entries on each metric, by its key."""
    cells: dict[int, dict[str, ScoreCell]] = defaultdict(dict)
    for entry_id, key, *values in Standing.objects.filter(entry_id__in=entry_ids).values_list(*CELL):
        cells[entry_id][key] = ScoreCell(*values)
    return cells


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
    line: Line, cells: dict[str, ScoreCell], links: list[WeightsLink], result: tuple[UUID, UUID] | None
) -> BoardRow:
    return BoardRow(
        entry_id=line.entry_id,
        rank=line.rank,
        rank_low=line.rank_low,
        rank_high=line.rank_high,
        model_slug=line.model_slug,
        model_name=line.model_name,
        status=line.status,
        verdict=line.verdict,
        scores=cells,
        weights=tuple(links),
        paper_url=line.paper_url or "",
        paper_title=line.paper_title or "",
        published_on=line.published_on,
        code_urls=tuple(line.code_urls),
        parameters=line.parameters,
        multiply_adds=line.multiply_adds,
        extra_data=line.extra_data,
        verified_at=line.verified_at,
        result_id=result[0] if result else None,
        submission_id=result[1] if result else None,
    )
