"""A whole board written out in one of the field's formats."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import orjson
from django.conf import settings
from django.utils import translation

from leaderboard.queries import Board, BoardFilters, BoardRow, Head, read_board
from leaderboard.tables.bibtex import write_bibtex
from leaderboard.tables.boards import row_to_dict, write_csv, write_markdown
from leaderboard.tables.model_index import write_model_index
from leaderboard.tables.pwc_writing import write_pwc
from leaderboard.tables.titles import Column, Title

# One answer over HTTP has no more rows, and says where the next are. The command writes all, so many at a time.
MOST_ROWS, BLOCK = 20_000, 2_000


def write_json(title: Title, rows: Iterable[BoardRow]) -> Iterator[str]:
    """Yield the rows as the API gives them, each on a line of its own, and the address of the next where there is."""
    yield f'{{"benchmark":{orjson.dumps(title.url).decode()},"results":[\n'
    mark = ""
    for row in rows:
        yield mark + orjson.dumps(row_to_dict(row)).decode()
        mark = ",\n"
    yield f'\n],"next":{orjson.dumps(title.rest or None).decode()}}}\n'


WRITERS: dict[str, Callable[[Title, Iterable[BoardRow]], Iterator[str]]] = {
    "csv": lambda title, rows: write_csv(rows, [column.key for column in title.columns]),
    "json": write_json,
    "markdown": write_markdown,
    "pwc": write_pwc,
    "model-index": write_model_index,
    "bibtex": write_bibtex,
}


def write_board(board: Board, format: str, rest: str = "") -> str:
    """Return the rows of this page as one of `WRITERS`. `rest`: where the next are."""
    return "".join(WRITERS[format](replace(describe_board(board.head), rest=rest), board.rows))


def export_board(head: Head, format: str) -> Iterator[str]:
    """Yield the whole board, best first, as one of `WRITERS`. Raises: queries.BadQuery."""
    return WRITERS[format](describe_board(head), read_all(head))


def read_all(head: Head) -> Iterator[BoardRow]:
    """Yield every row. One whose score changes meanwhile may be met twice or not at all. Raises: queries.BadQuery."""
    board = read_board(head, BoardFilters(), page_size=BLOCK)
    yield from board.rows
    while board.next_cursor:
        board = read_board(head, BoardFilters(), cursor=board.next_cursor, page_size=BLOCK)
        yield from board.rows


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
