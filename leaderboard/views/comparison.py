"""Entries of a board side by side."""

from dataclasses import dataclass
from string import ascii_lowercase

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from leaderboard.models import Benchmark, Entry, Metric, Standing
from leaderboard.queries import (
    BoardRow,
    ScoreCell,
    benchmark_metrics,
    compare_classes,
    compare_pairs,
    find_apart,
    read_known,
    read_rows,
)

CHOICES = 500
# a, b, c …: more than six columns nobody reads.
MOST = 6
NAMES = ascii_lowercase[:MOST]


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Compare the entries `a`, `b` and further ones; without them, let the visitor choose."""
    chosen = read_chosen(request.GET)
    rows, error = find_rows(chosen), ""
    boards = set(Entry.objects.filter(pk__in=chosen).values_list("benchmark", flat=True))
    if len(boards) > 1:
        error = _("These entries are on different leaderboards; scores of different protocols are never compared.")
        rows = []
    benchmark = find_benchmark(request.GET, min(boards, default=None))
    metrics = benchmark_metrics(benchmark) if benchmark else ()
    context: dict[str, object] = {
        "benchmark": benchmark,
        "benchmarks": Benchmark.objects.select_related("split__dataset", "protocol"),
        "choices": list_choices(benchmark) if benchmark else (),
        "rows": rows,
        "board_metrics": metrics,
        "fields": list_fields(chosen),
        "error": error,
    }
    if benchmark and len(rows) > 1:
        context |= describe_rows(rows, metrics, benchmark)
    return render(request, "leaderboard/compare.html", context, status=400 if error else 200)


def read_chosen(query: QueryDict) -> list[int]:
    """Return the entries asked for, each once. Raises: Http404 where one is no number."""
    texts = [text for name in NAMES for text in query.getlist(name) if text]
    if not all(text.isdecimal() and text.isascii() and len(text) <= 18 for text in texts):
        raise Http404
    return list(dict.fromkeys(map(int, texts)))[:MOST]


def find_rows(chosen: list[int]) -> list[BoardRow]:
    """Return the entries' rows on the metric that ranks their board. Raises: Http404 where one is not shown."""
    ranking = Standing.objects.filter(entry__in=chosen, is_visible=True).ranking()
    rows = {row.entry_id: row for row in read_rows(ranking)}
    if len(rows) < len(chosen):
        raise Http404
    return [rows[entry] for entry in chosen]


def find_benchmark(query: QueryDict, chosen: int | None) -> Benchmark | None:
    boards = Benchmark.objects.select_related("split__dataset", "protocol")
    slug = query.get("benchmark", "")[:100].replace("\0", "")
    return boards.filter(pk=chosen).first() if chosen else boards.filter(slug=slug).first()


@dataclass(frozen=True)
class Field:
    """One choice of the form: its letter and the entry chosen, 0 for none."""

    name: str
    chosen: int
    is_required: bool


def list_fields(chosen: list[int]) -> list[Field]:
    """Return two fields at least, and one more than there are entries."""
    count = min(MOST, max(2, len(chosen) + 1))
    return [Field(NAMES[n], chosen[n] if n < len(chosen) else 0, n < 2) for n in range(count)]


def list_choices(benchmark: Benchmark) -> list[tuple[int, str]]:
    entries = Entry.objects.filter(benchmark=benchmark, is_hidden=False).select_related("model")
    return [
        (entry.pk, f"{entry.model.name} · {entry.variant}") for entry in entries.order_by("model__name", "pk")[:CHOICES]
    ]


def describe_rows(rows: list[BoardRow], metrics: tuple[Metric, ...], benchmark: Benchmark) -> dict[str, object]:
    """Return scores metric by metric, and what the samples say on the metric that ranks the board."""
    digest, known = read_known(rows, metrics[0].key)
    # Of a dataset that was registered anew the places are other images'.
    is_same = digest == benchmark.split.digest
    return {
        "metrics": [describe(metric, rows) for metric in metrics],
        "pairs": compare_pairs(rows, known),
        "classes": compare_classes(rows),
        "apart": find_apart(rows, known, benchmark.split) if is_same else (),
    }


def describe(metric: Metric, rows: list[BoardRow]) -> dict[str, object]:
    """Return one metric of the rows, with how far the first two lie apart where there are no more."""
    cells = [row.scores.get(metric.key) or ScoreCell() for row in rows]
    verified = [cell.verified for cell in cells]
    known = [value for value in verified if value is not None]
    best = (min if metric.direction == Metric.Direction.LOWER else max)(known, default=None)
    one, two = verified[:2]
    is_pair = len(rows) == 2 and one is not None and two is not None
    return {
        "metric": metric,
        "cells": cells,
        "best": best,
        "difference": one - two if is_pair and one is not None and two is not None else None,
    }
