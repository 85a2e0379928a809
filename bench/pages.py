"""Measure the boards of a hundred, of ten thousand and of a million entries in PostgreSQL: A B C A B C …, medians.

`bench.web` sets the portal up and runs this.
"""

import dataclasses
import datetime as dt
import io
import itertools
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, cast

import django
from django.core.management import call_command
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from bench.boards import fill
from bench.machine import name_processor
from bench.outcomes import draw_outcomes, store_outcomes
from demo.words import draw_table, say
from evaluation.contract import EvaluationReport, Score
from leaderboard.models import Benchmark, BoardFacts, Standing, Submission
from leaderboard.queries import read_board, read_filters
from leaderboard.queries.board import Cursor
from leaderboard.queries.heads import forget_heads
from leaderboard.queries.names import forget_names
from leaderboard.services.boards import arrears
from leaderboard.services.running import attempts, runs
from leaderboard.versions import forget
from portal.accounts.models import User
from portal.wsgi import application

SIZES = (100, 10_000, 1_000_000)
ROUNDS, REPEATS, PUBLICATIONS, PAIRED = 15, 400, 5, 1000
TURNS = itertools.count()
PAGES = {
    "first page": "",
    "page in the middle": "cursor={middle}",
    "sorted by another metric": "metric=top5",
    "verified": "status=verified",
    "mismatch": "status=mismatch",
    "claims": "status=claimed",
    "≤ 5 M parameters": "max_parameters=5000000",
    "≤ 400 k parameters": "max_parameters=400000",
    "≤ 300 M multiply-adds": "max_multiply_adds=300000000",
    "papers of one year": "published_from=2020-01-01&published_to=2020-12-31",
    "with extra data": "extra_data=with",
    "JAX": "framework=JAX",
    "MXNet, one in ten thousand": "framework=MXNet",
    "name holds ViT": "q=vit",
    "name holds -777": "q=-777",
    "four filters": "status=claimed&framework=PyTorch&max_parameters=25000000&extra_data=without",
}


class Reader(Enum):
    """Who reads, by what the process knows already: nothing, the names, or all that the pages of a version share."""

    AFTER_A_START = "after a start"
    AFTER_A_PUBLICATION = "after a publication"
    FURTHER = "further page"


@dataclasses.dataclass(frozen=True)
class Timing:
    """One request in milliseconds: the whole, what the database took of it, and this process's own time."""

    total: float
    database: float
    python: float
    status: int
    size: int
    etag: str


@contextmanager
def time_queries() -> Iterator[list[float]]:
    spent: list[float] = []

    def wrap(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent.append(time.perf_counter() - started)

    with connection.execute_wrapper(wrap):
        yield spent


def ask(path: str, query: str, **headers: str) -> Timing:
    """Ask the application as a web server does, in this process."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "HTTP_HOST": "127.0.0.1:8000",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        **headers,
    }
    said: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        said.update(headers, status=int(status.split()[0]))

    with time_queries() as spent:
        started, busy = time.perf_counter(), time.thread_time()
        answer = application(environ, cast(Any, start_response))
        body = b"".join(answer)
        total, python = time.perf_counter() - started, time.thread_time() - busy
        answer.close()
    return Timing(1000 * total, 1000 * sum(spent), 1000 * python, said["status"], len(body), str(said.get("ETag", "")))


def clear(reader: Reader, board: Benchmark) -> None:
    """Forget what this reader's process cannot know of the board. What pages share, a further page's reader finds."""
    if reader is Reader.FURTHER:
        return
    if reader is Reader.AFTER_A_START:
        forget_heads()
        forget_names()
    # Published by another process: its version is another one.
    BoardFacts.objects.filter(benchmark=board).update(version=time.time_ns())
    forget()


def find_address(kind: str, benchmark: Benchmark) -> str:
    return f"/api/v1/benchmarks/{benchmark.slug}/leaderboard/" if kind == "JSON" else benchmark.get_absolute_url()


def find_middle(benchmark: Benchmark) -> str:
    """Return the cursor of a page half-way down, as a reader who went there has it."""
    rows = Standing.objects.filter(benchmark=benchmark, metric__key="top1", order_value__lte=67.5)
    row = rows.order_by("-order_value", "entry_id")[0]
    return Cursor((benchmark.pk, row.metric_id), row.order_value, row.entry_id).encode()


def measure(
    kind: str, query: str, boards: list[Benchmark], headers: dict[str, str]
) -> dict[Reader, list[list[Timing]]]:
    """Return the timings of each board by who reads it."""
    queries = [query.format(middle=find_middle(board)) for board in boards]
    found: dict[Reader, list[list[Timing]]] = {reader: [[] for _ in boards] for reader in Reader}
    for turn in range(ROUNDS + 1):
        for place, board in enumerate(boards):
            for reader, timings in found.items():
                clear(reader, board)
                # Another address each time, so that nothing is repeated.
                timing = ask(find_address(kind, board), f"{queries[place]}&turn={next(TURNS)}", **headers)
                if timing.status != 200:
                    sys.exit(f"{find_address(kind, board)}?{queries[place]} answered {timing.status}")
                # The first turn warms the database.
                if turn:
                    timings[place].append(timing)
    return found


def describe(timings: list[Timing]) -> str:
    totals = sorted(timing.total for timing in timings)
    return f"{statistics.median(totals):.1f} ms ({totals[0]:.1f}–{totals[-1]:.1f})"


def compare_pages(boards: list[Benchmark]) -> list[tuple[str, ...]]:
    """Return a row a filter and sort: cold p50 by size, the largest over the smallest, and this process's own time."""
    kinds: tuple[tuple[str, dict[str, str], dict[str, str]], ...] = (
        ("table", {"HTTP_HX_REQUEST": "true"}, PAGES),
        ("JSON", {}, PAGES),
        ("page", {}, {"whole": "", "whole, verified": PAGES["verified"]}),
    )
    return [
        (f"{kind}: {name}", *summarise(measure(kind, query, boards, headers)))
        for kind, headers, pages in kinds
        for name, query in pages.items()
    ]


def find_ratio(found: dict[Reader, list[list[Timing]]]) -> str:
    """Return the p50 of the largest board over that of the smallest."""
    medians = [statistics.median(t.total for t in timings) for timings in found[Reader.AFTER_A_START]]
    return f"{medians[-1] / medians[0]:.2f}"


def summarise(found: dict[Reader, list[list[Timing]]]) -> Iterator[str]:
    yield from map(describe, found[Reader.AFTER_A_START])
    yield find_ratio(found)
    for timings in found.values():
        yield f"{statistics.median(t.python for t in timings[-1]):.1f} ms"


def compare_lengths(boards: list[Benchmark]) -> list[tuple[str, ...]]:
    """Return a row a filter and sort: of as many rows as the smallest board has of it, p50 there and on the largest."""
    ends = [boards[0], boards[-1]]
    rows: list[tuple[str, ...]] = []
    for name, query in PAGES.items():
        shown = count_rows(boards[0], query)
        found = measure("JSON", f"{query}&page_size={max(shown, 1)}", ends, {})
        totals, ratio = [describe(timings) for timings in found[Reader.AFTER_A_START]], find_ratio(found)
        rows.append((name, str(shown), *totals, ratio))
    return rows


def count_rows(board: Benchmark, query: str) -> int:
    """Return how many rows the board's first page has."""
    head = arrears.find_head(board.slug)
    assert head is not None
    return len(read_board(head, read_filters(QueryDict(query))).rows)


def repeat(path: str, headers: dict[str, str]) -> tuple[float, int]:
    """Return the milliseconds of a repeated read, median of many, and its status."""
    timings = [ask(path, "", **headers) for _ in range(REPEATS)]
    return statistics.median(t.total for t in timings), timings[-1].status


def compare_repeats(boards: list[Benchmark]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    cookie = {"HTTP_COOKIE": "csrftoken=" + "a" * 32}
    for kind in ("page", "JSON"):
        for board in (boards[0], boards[-1]):
            path = find_address(kind, board)
            etag = ask(path, "", **cookie).etag
            for name, headers in (("again", cookie), ("304", cookie | {"HTTP_IF_NONE_MATCH": etag})):
                spent, status = repeat(path, headers)
                rows.append((f"{kind} of {board.slug}: {name}", str(status), f"{spent:.2f} ms", f"{1000 / spent:,.0f}"))
    return rows


def publish(benchmark: Benchmark, owner: User, number: int, outcomes: dict[str, str]) -> float:
    """Return the seconds from a worker's report to a board that shows it."""
    submission = Submission.objects.create(
        benchmark=benchmark, submitter=owner, model_name=f"New {number}", weights_url=f"https://example.org/{number}.pt"
    )
    run = attempts.enqueue(submission, by=owner, at=timezone.now())
    claimed = runs.claim_run(run.pk, worker="bench", at=timezone.now())
    assert claimed is not None
    assert claimed.token is not None
    value = 70.0 + number % 100 / 10
    report = EvaluationReport(
        metrics={key: Score(value, value - 0.3, value + 0.3, 35_000, 50_000) for key in ("top1", "top5")},
        weights={"sha256": f"{number:064x}", "format": "state_dict", "architecture": "", "parameters": 10**7},
        dataset={"samples": 50_000, "classes": 1000, "digest": "sha256:" + "0" * 64},
        protocol={},
        environment={"device": "cpu", "precision": "float32"},
        timing={"images_per_second": 100.0, "seconds": {}},
        evidence={"outcomes": outcomes},
    )
    started = time.perf_counter()
    runs.record_report(run.pk, claimed.token, report, None, at=dt.datetime.now(dt.UTC))
    answer = ask(find_address("JSON", benchmark), f"q=New {number}".replace(" ", "%20"))
    assert answer.status == 200
    return time.perf_counter() - started


def compare_publishing(boards: list[Benchmark]) -> list[tuple[str, ...]]:
    """Return a row a board; the last has a thousand verified entries whose outcomes are compared with the new one's."""
    owner, _ = User.objects.get_or_create(username="bench")
    paired = fill(2 * PAIRED)
    store_outcomes(paired, owner, timezone.now())
    new = list(draw_outcomes(PUBLICATIONS))
    found: list[list[float]] = [[] for _ in (*boards, paired)]
    for turn in range(PUBLICATIONS):
        for place, board in enumerate((*boards, paired)):
            found[place].append(publish(board, owner, 100 * (place + 1) + turn, new[turn] if board == paired else {}))
    names = [*(board.slug for board in boards), f"{PAIRED:,} verified entries with outcomes"]
    return [
        (name, f"{statistics.median(spent):.2f} s ({min(spent):.2f}–{max(spent):.2f})")
        for name, spent in zip(names, found, strict=True)
    ]


def main(largest: int) -> None:
    """Print the tables for the boards up to the largest size."""
    call_command("migrate", verbosity=0)
    # What migrate sets for the sessions of its role holds from the next one on.
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0].split()[0]
    say(
        f"{name_processor()}, {os.cpu_count()} cores; PostgreSQL {version}, Django {django.get_version()}, "
        f"Python {platform.python_version()}; {ROUNDS} rounds in turn, median (least–most), nothing cached\n"
    )
    boards = [fill(size) for size in SIZES if size <= largest]
    sizes = [f"{size:,}" for size in SIZES if size <= largest]
    say(
        draw_table(
            ("one request", *sizes, "ratio", *(f"Python, {each.value}" for each in Reader)), compare_pages(boards)
        )
    )
    say()
    say(draw_table(("JSON of as many rows", "rows", sizes[0], sizes[-1], "ratio"), compare_lengths(boards)))
    say()
    say(draw_table(("repeated", "status", "median", "a second and core"), compare_repeats(boards)))
    say()
    say(draw_table(("publishing a result", "until the board shows it"), compare_publishing(boards)))
