"""The table of a board: what it shows, and what its templates can call.

They are Jinja's and not Django's (ADR 21): the table is what a portal is asked for most.
"""

from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlencode

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import get_language, gettext
from jinja2 import Environment, StrictUndefined

from leaderboard import charts
from leaderboard.queries import BadQuery, Board, Head, read_board, read_filters
from leaderboard.sentences import gap
from leaderboard.services.boards import exports
from leaderboard.views.columns import list_behind, list_offered, list_toggles, read_columns
from leaderboard.views.rows import write_rows

TABLE = "board/table.html"
# By how their addresses end: what each is called, who writes it, and its content type.
EXPORTS = {
    "csv": ("CSV", "csv", "text/csv"),
    "json": ("JSON", "json", "application/json"),
    "md": ("Markdown", "markdown", "text/markdown"),
    "bib": ("BibTeX", "bibtex", "application/x-bibtex"),
    "pwc.json": ("Papers with Code", "pwc", "application/json"),
    "model-index.yml": ("model-index", "model-index", "application/yaml"),
}
FILTERS = (
    *("status", "framework", "max_parameters", "max_multiply_adds", "published_from", "published_to"),
    *("extra_data", "as_of", "q"),
)
SIZES = (5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000)
OPERATIONS = (300_000_000, 600_000_000, 2_000_000_000, 5_000_000_000, 15_000_000_000)


def make_environment(**options: Any) -> Environment:
    """Return the environment of the templates in `templates/jinja2`."""
    environment = Environment(**options | {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True})
    environment.globals |= {"_": gettext, "url": reverse, "gap": gap, "write_rows": write_rows}
    environment.filters["intcomma"] = intcomma
    return environment


def read_table(head: Head, query: QueryDict) -> dict[str, Any]:
    """Return what the table shows."""
    error, board = "", None
    parameters = {name: query.get(name, "") for name in FILTERS}
    try:
        board = read_board(head, read_filters(query), cursor=query.get("cursor") or None)
    except BadQuery as bad:
        error = str(bad)
    offered = list_offered(head)
    columns = read_columns(query, offered)
    return {
        "benchmark": head.benchmark,
        "board": board,
        "error": error,
        "counts": board.counts if board else head.facts,
        "sizes": list_sizes(SIZES, parameters["max_parameters"]),
        "frameworks": [(name, name) for name in head.facts.frameworks],
        "operations": list_sizes(OPERATIONS, parameters["max_multiply_adds"]),
        "axis": make_axis(board) if board and "strip" in columns else None,
        "columns": columns,
        "behind": list_behind(columns, get_language()),
        "toggles": list_toggles(columns, offered, get_language()),
        "downloads": list_downloads(head.benchmark.slug),
        "feed": find_feed(head.benchmark.slug),
        "most_rows": exports.MOST_ROWS if head.facts.entries > exports.MOST_ROWS else None,
        "parameters": parameters,
        "kept": {name: query[name] for name in ("status", "metric", "columns", "chart") if query.get(name)},
        "is_filtered": any(parameters.values()),
        "change": partial(change, dict(query.lists())),
    }


@lru_cache
def list_downloads(slug: str) -> tuple[tuple[str, str], ...]:
    """Return what a board can be taken away as: name and address; JSON is the API's, page by page."""
    addresses = {format: reverse("board-export", args=[slug, format]) for format in EXPORTS}
    addresses["json"] = reverse("api:leaderboard", args=[slug])
    return tuple((name, addresses[format]) for format, (name, _writer, _type) in EXPORTS.items())


@lru_cache
def find_feed(slug: str) -> str:
    return reverse("feed", args=[slug])


def list_sizes(usual: tuple[int, ...], chosen: str) -> list[tuple[str, str]]:
    """Return the sizes to choose from as value and text, with the one that the address asks for."""
    sizes = {*usual, *([int(chosen)] if chosen.isascii() and chosen.isdigit() and len(chosen) < 17 else [])}
    return [(str(size), f"≤ {charts.name_count(size)}") for size in sorted(sizes)]


def make_axis(board: Board) -> charts.Axis | None:
    return charts.make_axis([row.scores.get(board.metric.key) for row in board.rows], board.metric)


def change(parameters: dict[str, list[str]], **changes: str | None) -> str:
    """Return this page's query with parameters changed, or left out where None.

    As Django's `querystring` does, which copies and writes the whole query anew for each of a board's twenty links.
    """
    changed = parameters | {name: [] if value is None else [value] for name, value in changes.items()}
    query = "&".join([write_parameter(name, value) for name, values in changed.items() for value in values])
    return f"?{query}" if query or parameters else ""


@lru_cache(maxsize=1000)
def write_parameter(name: str, value: str) -> str:
    return urlencode({name: value})
