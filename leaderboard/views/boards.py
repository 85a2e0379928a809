"""The leaderboard: the ranked view of a benchmark's entries, and what is made of it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from leaderboard import charts
from leaderboard.models import Benchmark, Entry
from leaderboard.queries import (
    BadQuery,
    Board,
    BoardFilters,
    benchmark_metrics,
    count_board,
    list_frameworks,
    read_board,
    read_filters,
)
from leaderboard.services.findings import find_findings
from leaderboard.tables.boards import write_csv, write_markdown

EXPORT_ROWS = 10_000
EXPORTS = {"csv": "text/csv", "md": "text/markdown"}
SIZES = ((5_000_000, "5 M"), (10_000_000, "10 M"), (25_000_000, "25 M"), (50_000_000, "50 M"), (100_000_000, "100 M"))


def find_benchmark(slug: str) -> Benchmark:
    related = ("task", "split__dataset", "protocol")
    return get_object_or_404(Benchmark.objects.select_related(*related), slug=slug)


def show_board(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a page of the board. What is wrong with a filter is said in place of the rows."""
    benchmark = find_benchmark(slug)
    error = ""
    try:
        board = read_board(benchmark, read_filters(request.GET), cursor=request.GET.get("cursor") or None)
    except BadQuery as bad:
        error = str(bad)
        metrics = benchmark_metrics(benchmark)
        board = Board(benchmark, metrics, metrics[0], BoardFilters(), ()) if metrics else None
    context = {
        "benchmark": benchmark,
        "board": board,
        "error": error,
        "counts": count_board(benchmark),
        "frameworks": list_frameworks(benchmark),
        "sizes": SIZES,
        "strip": charts.make_axis(board) if board else None,
        "parameters": {key: value for key, value in request.GET.items() if key != "cursor" and value},
    }
    if board and not request.htmx:
        chart_rows = read_board(benchmark, BoardFilters(), page_size=200).rows
        context |= {
            "trend": charts.draw_trend(chart_rows, board.metrics[0]),
            "tradeoff": charts.draw_tradeoff(chart_rows, board.metrics[0]),
            "findings": find_findings(benchmark),
        }
    name = "leaderboard/board.html" + ("#table" if request.htmx else "")
    response = render(request, name, context, status=400 if error else 200)
    response["Vary"] = "HX-Request, Cookie, Accept-Language"
    return response


def show_findings(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the claim lint found, with its evidence."""
    benchmark = find_benchmark(slug)
    return render(request, "leaderboard/findings.html", {"benchmark": benchmark, "findings": find_findings(benchmark)})


def export_board(request: HttpRequest, slug: str, format: str) -> HttpResponse:
    """Hand out the whole board as CSV or Markdown."""
    if format not in EXPORTS:
        raise Http404
    benchmark = find_benchmark(slug)
    metrics = benchmark_metrics(benchmark)
    try:
        rows = read_board(benchmark, read_filters(request.GET), page_size=EXPORT_ROWS).rows
    except BadQuery as bad:
        return HttpResponse(str(bad), status=400, content_type="text/plain; charset=utf-8")
    if format == "csv":
        text = write_csv(rows, [metric.key for metric in metrics])
    else:
        text = write_markdown(rows, {metric.key: metric.label for metric in metrics})
    response = HttpResponse(text, content_type=f"{EXPORTS[format]}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{benchmark.slug}.{format}"'
    return response


def show_badge(request: HttpRequest, benchmark: str, model: str) -> HttpResponse:
    """Draw a badge for a README: the best score of the model, and whether it was verified."""
    board = find_benchmark(benchmark)
    standings = Entry.objects.filter(benchmark=board, model__slug=model, is_hidden=False)
    metric = next(iter(benchmark_metrics(board)), None)
    if metric is None or not standings.exists():
        raise Http404
    row = (
        standings.filter(standings__metric=metric)
        .order_by("-standings__order_value")
        .values_list("standings__verified", "standings__claimed", "status")
        .first()
    )
    verified, claimed, status = row or (None, None, "claimed")
    value = verified if verified is not None else claimed
    context = {
        "label": f"{metric.label} {board.split.dataset.name}",
        "value": "–" if value is None else f"{value:.{min(metric.decimals, 2)}f}",
        "word": _("verified") if verified is not None else _("not verified"),
        "status": status,
    }
    response = render(request, "leaderboard/badge.svg", context, content_type="image/svg+xml")
    response["Cache-Control"] = "max-age=300"
    return response
