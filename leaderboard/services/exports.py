"""A whole board written out in one of the field's formats."""

from collections.abc import Callable, Sequence

import orjson
from django.conf import settings
from django.utils import translation

from leaderboard.queries import BoardFilters, BoardRow, Head, read_board
from leaderboard.tables.bibtex import write_bibtex
from leaderboard.tables.boards import row_to_dict, write_csv, write_markdown
from leaderboard.tables.model_index import write_model_index
from leaderboard.tables.pwc_writing import write_pwc
from leaderboard.tables.titles import Column, Title

Rows = Sequence[BoardRow]
# More than any table of this field has; what is larger is read page by page through the API.
MOST_ROWS = 20_000


def write_json(title: Title, rows: Rows) -> str:
    """Return the rows as the API gives them, each on a line of its own."""
    lines = b",\n".join(orjson.dumps(row_to_dict(row)) for row in rows)
    return f'{{"benchmark":{orjson.dumps(title.url).decode()},"results":[\n{lines.decode()}\n]}}\n'


WRITERS: dict[str, Callable[[Title, Rows], str]] = {
    "csv": lambda title, rows: write_csv(rows, [column.key for column in title.columns]),
    "json": write_json,
    "markdown": write_markdown,
    "pwc": write_pwc,
    "model-index": write_model_index,
    "bibtex": lambda title, rows: write_bibtex(rows),
}


def export_board(head: Head, format: str, filters: BoardFilters | None = None) -> str:
    """Return the rows that the filters leave, best first, as one of `WRITERS`. Raises: queries.BadQuery."""
    board = read_board(head, filters or BoardFilters(), page_size=MOST_ROWS)
    return WRITERS[format](describe_board(head), board.rows)


def describe_board(head: Head) -> Title:
    """Return the names of the board in English, which the formats are written in."""
    benchmark = head.benchmark
    with translation.override("en"):
        task, dataset = benchmark.task, benchmark.split.dataset
        return Title(
            task=task.name,
            task_slug=task.slug,
            dataset=dataset.name,
            dataset_slug=dataset.slug,
            split=benchmark.split.name,
            protocol=benchmark.protocol.name,
            columns=tuple(Column(m.key, m.label, m.decimals) for m in head.metrics),
            url=settings.BASE_URL + benchmark.get_absolute_url(),
        )
