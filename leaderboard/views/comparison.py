"""Two entries of a board side by side."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from leaderboard.models import Benchmark, Entry, Metric, Standing
from leaderboard.queries import BoardRow, ScoreCell, benchmark_metrics, compare_entries, read_rows

CHOICES = 500


def compare(request: HttpRequest) -> HttpResponse:
    """Compare the entries `a` and `b`; without them, let the visitor choose."""
    chosen = [find_row(request.GET.get(name, "")) for name in ("a", "b")]
    benchmark = find_benchmark(request, chosen)
    metrics = benchmark_metrics(benchmark) if benchmark else ()
    rows = [row for row, _board in filter(None, chosen)]
    error = ""
    if len({board.pk for _row, board in filter(None, chosen)}) > 1:
        error = _("These two entries are on different leaderboards; scores of different protocols are never compared.")
        rows = []
    context = {
        "benchmark": benchmark,
        "benchmarks": Benchmark.objects.select_related("split__dataset", "protocol"),
        "choices": list_choices(benchmark) if benchmark else (),
        "rows": rows,
        "board_metrics": metrics,
        "metrics": [describe(metric, rows) for metric in metrics] if len(rows) == 2 else (),
        "error": error,
        "a": request.GET.get("a", ""),
        "b": request.GET.get("b", ""),
    }
    return render(request, "leaderboard/compare.html", context, status=400 if error else 200)


def find_row(text: str) -> tuple[BoardRow, Benchmark] | None:
    """Return the row of an entry by its number. Raises: Http404 where there is no such entry."""
    if not text:
        return None
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        raise Http404
    entries = Entry.objects.filter(is_hidden=False).select_related("benchmark__split__dataset", "benchmark__protocol")
    entry = entries.filter(pk=text).first()
    rows = read_rows(Standing.objects.filter(entry=entry, is_visible=True)[:1]) if entry else ()
    if entry is None or not rows:
        raise Http404
    return rows[0], entry.benchmark


def find_benchmark(request: HttpRequest, chosen: list[tuple[BoardRow, Benchmark] | None]) -> Benchmark | None:
    for found in filter(None, chosen):
        return found[1]
    slug = request.GET.get("benchmark", "")[:100].replace("\0", "")
    return Benchmark.objects.select_related("split__dataset", "protocol").filter(slug=slug).first()


def list_choices(benchmark: Benchmark) -> list[tuple[int, str]]:
    entries = Entry.objects.filter(benchmark=benchmark, is_hidden=False).select_related("model")
    return [
        (entry.pk, f"{entry.model.name} · {entry.variant}") for entry in entries.order_by("model__name", "pk")[:500]
    ]


@dataclass(frozen=True)
class Interval:
    """A verified score with its interval."""

    value: float
    low: float
    high: float


def find_interval(cell: ScoreCell | None) -> Interval | None:
    if cell is None or cell.verified is None or cell.low is None or cell.high is None:
        return None
    return Interval(cell.verified, cell.low, cell.high)


def describe(metric: Metric, rows: list[BoardRow]) -> dict[str, object]:
    """Return one metric of both rows: how far apart they are, and whether their intervals overlap."""
    cells = [row.scores.get(metric.key) for row in rows]
    one, two = map(find_interval, cells)
    return {
        "metric": metric,
        "cells": cells,
        "difference": one.value - two.value if one and two else None,
        "overlap": one.low <= two.high and two.low <= one.high if one and two else None,
        "test": compare_entries(rows[0].entry_id, [rows[1].entry_id], metric.key).get(rows[1].entry_id),
    }
