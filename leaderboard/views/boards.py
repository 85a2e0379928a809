"""The leaderboard: the ranked view of a benchmark's entries, and what is made of it."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from leaderboard import charts
from leaderboard.api.paging import link_page
from leaderboard.models import Benchmark, BoardFacts, Entry, Standing
from leaderboard.queries import (
    BadQuery,
    Board,
    Head,
    read_board,
    read_filters,
    read_findings,
)
from leaderboard.queries.badges import find_badged
from leaderboard.services import arrears
from leaderboard.services.exports import MOST_ROWS, write_board
from leaderboard.views.charts import read_charts
from leaderboard.views.columns import list_behind, list_offered, list_toggles, read_columns
from leaderboard.views.requests import HtmxRequest

TEMPLATE = "leaderboard/board.html"
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


def find_benchmark(slug: str) -> Benchmark:
    related = ("task", "split__dataset", "protocol")
    return get_object_or_404(Benchmark.objects.select_related(*related), slug=slug)


def find_head(slug: str) -> Head:
    """Raises: Http404."""
    head = arrears.find_head(slug)
    if head is None:
        raise Http404
    return head


@require_safe
def show_board(request: HtmxRequest, slug: str) -> HttpResponse:
    """Show a page of the board. What is wrong with a filter is said in place of the rows."""
    head = find_head(slug)
    context = read_context(head, request.GET)
    status = 400 if context["error"] else 200
    if request.htmx and not request.htmx.history_restore_request:
        response = render(request, f"{TEMPLATE}#table", context, status=status)
    else:
        context |= {
            "variants": head.variants,
            "charts": read_charts(head, request.GET.get("chart", "")),
            "findings": read_findings(head.facts),
            "base_url": settings.BASE_URL,
        }
        response = render(request, TEMPLATE, context, status=status)
    response["Vary"] = "HX-Request, Cookie, Accept-Language"
    return response


def read_context(head: Head, query: QueryDict) -> dict[str, Any]:
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
        "facts": head.facts,
        "counts": board.counts if board else head.facts,
        "sizes": list_sizes(SIZES, parameters["max_parameters"]),
        "operations": list_sizes(OPERATIONS, parameters["max_multiply_adds"]),
        "axis": make_axis(board) if board and "strip" in columns else None,
        "columns": columns,
        "behind": list_behind(columns, get_language()),
        "toggles": list_toggles(columns, offered, get_language()),
        "downloads": list_downloads(head.benchmark.slug),
        "most_rows": MOST_ROWS if head.facts.entries > MOST_ROWS else None,
        "parameters": parameters,
        "kept": {name: query[name] for name in ("status", "metric", "columns", "chart") if query.get(name)},
        "is_filtered": any(parameters.values()),
    }


@lru_cache
def list_downloads(slug: str) -> tuple[tuple[str, str], ...]:
    """Return what a board can be taken away as: name and address; JSON is the API's, page by page."""
    addresses = {format: reverse("board-export", args=[slug, format]) for format in EXPORTS}
    addresses["json"] = reverse("api:leaderboard", args=[slug])
    return tuple((name, addresses[format]) for format, (name, _writer, _type) in EXPORTS.items())


def list_sizes(usual: tuple[int, ...], chosen: str) -> list[tuple[str, str]]:
    """Return the sizes to choose from as value and text, with the one that the address asks for."""
    sizes = {*usual, *([int(chosen)] if chosen.isascii() and chosen.isdigit() and len(chosen) < 17 else [])}
    return [(str(size), charts.name_count(size)) for size in sorted(sizes)]


def make_axis(board: Board) -> charts.Axis | None:
    return charts.make_axis([row.scores.get(board.metric.key) for row in board.rows], board.metric)


@require_safe
def show_findings(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the claim lint found, with its evidence."""
    head = find_head(slug)
    findings = read_findings(head.facts)
    rows = {row for finding in findings for change in finding.repair if (row := change.row).isdecimal()}
    names = Entry.objects.filter(pk__in=rows).values_list("pk", "model__name")
    context = {"benchmark": head.benchmark, "findings": findings, "names": {str(pk): name for pk, name in names}}
    return render(request, "leaderboard/findings.html", context)


@require_safe
def export_board(request: HttpRequest, slug: str, format: str) -> HttpResponse:
    """Hand out the board as a file, as far as the filters leave it. A cut one says where its next rows are."""
    if format not in EXPORTS:
        raise Http404
    head, cursor = find_head(slug), request.GET.get("cursor") or None
    _name, writer, content_type = EXPORTS[format]
    try:
        board = read_board(head, read_filters(request.GET), cursor=cursor, page_size=MOST_ROWS)
    except BadQuery as bad:
        return HttpResponse(str(bad), status=400, content_type="text/plain; charset=utf-8")
    rest = link_page(request, board.next_cursor) if board.next_cursor else ""
    response = HttpResponse(write_board(board, writer, rest), content_type=f"{content_type}; charset=utf-8")
    name = f"{slug}.part.{format}" if cursor or rest else f"{slug}.{format}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    if rest:
        response["Link"] = f'<{rest}>; rel="next"'
    return response


@require_safe
def show_card(request: HttpRequest, slug: str) -> HttpResponse:
    """Hand out the board's picture for link previews."""
    facts = get_object_or_404(BoardFacts.objects.exclude(card="").only("card"), benchmark__slug=slug)
    try:
        with default_storage.open(facts.card) as file:
            response = HttpResponse(file.read(), content_type="image/png")
    except FileNotFoundError as error:
        raise Http404 from error
    response["Cache-Control"] = "public, max-age=300"
    return response


def find_badge_standing(board: Benchmark, model: str) -> Standing:
    """Raises: Http404 where the model has no standing on the board."""
    standing = find_badged(board.slug, model)
    if standing is None:
        raise Http404
    return standing


@require_safe
def find_badge_row(request: HttpRequest, benchmark: str, model: str) -> HttpResponse:
    """Lead from a badge to the row that it speaks of, with everything that stands behind it."""
    return redirect(find_badge_standing(find_benchmark(benchmark), model).entry)


@require_safe
def show_badge(request: HttpRequest, benchmark: str, model: str) -> HttpResponse:
    """Draw a badge for a README: the model's best verified score, else its best claim, and which of the two it is."""
    board = find_benchmark(benchmark)
    standing = find_badge_standing(board, model)
    is_verified = standing.verified is not None
    value = standing.verified if is_verified else standing.claimed
    badge = charts.draw_badge(
        f"{standing.metric.label} {board.split.dataset.name}",
        "–" if value is None else f"{value:.{min(standing.metric.decimals, 2)}f}",
        _("verified") if is_verified else _("not verified"),
    )
    context = {"badge": badge, "status": standing.entry.status}
    response = render(request, "leaderboard/badge.svg", context, content_type="image/svg+xml")
    response["Cache-Control"] = "max-age=300"
    return response
