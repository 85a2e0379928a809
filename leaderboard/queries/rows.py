"""The rows of a board as plain values, read with two statements that are written out here.

Built by the ORM for each reader anew, they would take several times as long as the database takes to answer them.
"""

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import F, QuerySet

from leaderboard.models import Standing


class ScoreCell(NamedTuple):
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


class WeightsLink(NamedTuple):
    framework: str
    url: str
    sha256: str


class BoardRow(NamedTuple):
    """One row of a leaderboard. Rank and rank interval are those of the sorted metric and None while unverified."""

    entry_id: int
    order_value: float
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    status: str
    verdict: str
    extra_data: str
    code_urls: Sequence[dict[str, str]]
    verified_at: dt.datetime | None
    model_slug: str
    model_name: str
    image_size: int | None
    parameters: int | None
    multiply_adds: int | None
    paper_url: str
    paper_title: str
    published_on: dt.date | None
    weights: Sequence[WeightsLink]
    result_id: UUID | None
    submission_id: UUID | None
    scores: dict[str, ScoreCell]

    @property
    def is_level(self) -> bool:
        """Tell whether the leader cannot be told apart from this row, which is not the leader."""
        return self.rank_low == 1 and self.rank not in (None, 1)

    @property
    def setting(self) -> tuple[str, ...]:
        """Return what tells the row from others of its model."""
        return (*([f"{self.image_size} px"] if self.image_size else []), *self.frameworks)

    @property
    def frameworks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(link.framework for link in self.weights))


CHOSEN = ("entry_id", "order_value", "rank", "rank_low", "rank_high")
# In the order of BoardRow's fields, result and submission as one; the scores follow from the second statement.
# Weights and result are no joins, so that no plan reads more of their tables than these rows need.
LINES = """
WITH chosen (entry_id, order_value, rank, rank_low, rank_high) AS ({chosen})
SELECT chosen.entry_id, chosen.order_value, chosen.rank, chosen.rank_low, chosen.rank_high,
       entry.status, entry.verdict, entry.extra_data, CAST(entry.code_urls AS text), entry.verified_at,
       model.slug, model.name, CAST(entry.preprocessing AS text), model.parameters, model.multiply_adds,
       coalesce(paper.url, ''), coalesce(paper.title, ''), paper.published_on,
       (SELECT CAST({collect}({array}(framework, url, sha256)) AS text)
        FROM (SELECT weights.framework, weights.url, weights.sha256 FROM leaderboard_entry_weights AS link
              JOIN leaderboard_weights AS weights ON weights.id = link.weights_id
              WHERE link.entry_id = chosen.entry_id ORDER BY weights.framework DESC, weights.id) AS files),
       (SELECT CAST({array}(result.id, run.submission_id) AS text) FROM leaderboard_result AS result
        JOIN leaderboard_run AS run ON run.id = result.run_id
        WHERE result.entry_id = chosen.entry_id AND result.retracted_at IS NULL ORDER BY result.created_at DESC LIMIT 1)
FROM chosen
JOIN leaderboard_entry AS entry ON entry.id = chosen.entry_id
JOIN leaderboard_model AS model ON model.id = entry.model_id
LEFT JOIN leaderboard_paper AS paper ON paper.id = model.paper_id
ORDER BY chosen.order_value DESC, chosen.entry_id
"""
# By one order always, as what is written from the cells is compared by its digest.
CELLS = """
SELECT standing.entry_id, metric.key, standing.claimed, standing.claimed_text, standing.verified, standing.low,
       standing.high, standing.is_best
FROM leaderboard_standing AS standing JOIN leaderboard_metric AS metric ON metric.id = standing.metric_id
WHERE standing.entry_id {among} ORDER BY standing.entry_id, standing.metric_id
"""
# How each database makes an array, and one of many rows.
ARRAYS = {
    "postgresql": {"array": "json_build_array", "collect": "json_agg"},
    "sqlite": {"array": "json_array", "collect": "json_group_array"},
}
# How each finds what is one of many, and how they are written: a value for each would be planned one by one.
AMONG = {
    "postgresql": ("= ANY(CAST(%s AS bigint[]))", "{{{}}}"),
    "sqlite": ("IN (SELECT value FROM json_each(%s))", "[{}]"),
}


def read_rows(standings: QuerySet[Standing]) -> tuple[BoardRow, ...]:
    """Return the rows of these standings, one an entry, best first, with two queries."""
    try:
        return read_chosen(*standings.values_list(*CHOSEN).query.sql_with_params())
    except EmptyResultSet:
        return ()


def read_chosen(chosen: str, values: Sequence[Any]) -> tuple[BoardRow, ...]:
    """Return the rows of the standings whose columns `CHOSEN` this statement selects, as `read_rows` does."""
    with connection.cursor() as cursor:
        cursor.execute(LINES.format(chosen=chosen, **ARRAYS[connection.vendor]), values)
        columns: list[Iterable[Any]] = list(zip(*cursor.fetchall(), strict=True))
    if not columns:
        return ()
    for place, convert in list_converters(connection.vendor):
        columns[place] = map(convert, columns[place])
    *plain, ids = columns
    cells = map(read_cells(columns[0]).__getitem__, columns[0])
    return tuple(map(BoardRow._make, zip(*plain, *zip(*ids, strict=True), cells, strict=True)))


@functools.cache
def list_converters(vendor: str) -> list[tuple[int, Callable[[Any], Any]]]:
    """Return what makes of a column, by its place, the value of its field; SQLite keeps times and days as text."""
    fields = BoardRow._fields
    found: list[tuple[int, Callable[[Any], Any]]] = [
        (fields.index("code_urls"), orjson.loads),
        (fields.index("image_size"), read_image_size),
        (fields.index("weights"), read_links),
        (fields.index("result_id"), read_ids),
    ]
    columns = {"verified_at": F("entry__verified_at"), "published_on": F("entry__model__paper__published_on")}
    for name, path in columns.items():
        column = path.resolve_expression(Standing.objects.all().query)
        for convert in connection.ops.get_db_converters(column):
            found.append((fields.index(name), functools.partial(convert, expression=column, connection=connection)))
    return found


@functools.lru_cache
def read_image_size(text: str) -> int | None:
    size: int | None = orjson.loads(text).get("crop")
    return size


def read_links(text: str | None) -> tuple[WeightsLink, ...]:
    return tuple(map(WeightsLink._make, orjson.loads(text))) if text else ()


def read_ids(text: str | None) -> Sequence[UUID | None]:
    return [UUID(each) for each in orjson.loads(text)] if text else (None, None)


def read_cells(entry_ids: Iterable[int]) -> dict[int, dict[str, ScoreCell]]:
    """Return the scores of the entries on each metric, by its key."""
    among, form = AMONG[connection.vendor]
    cells: dict[int, dict[str, ScoreCell]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(CELLS.format(among=among), [form.format(",".join(map(str, entry_ids)))])
        for line in cursor.fetchall():
            cells[line[0]][line[1]] = ScoreCell._make(line[2:])
    return cells
