"""What the pages around the leaderboards show: boards at a glance."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import F, Model, QuerySet

from leaderboard.models import Benchmark, BoardFacts, Metric, Standing

FOUND_PER_KIND = 20
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class BoardSummary:
    """A benchmark with its counts, its ranking metric and who leads: by verified score, and by claim alone."""

    benchmark: Benchmark
    counts: BoardFacts
    metric: Metric | None
    leader: Standing | None
    claimant: Standing | None


def summarise_boards(benchmarks: QuerySet[Benchmark]) -> list[BoardSummary]:
    """Return the boards in their order, with four queries."""
    boards = list(benchmarks.select_related("task", "split__dataset", "protocol"))
    ids = [board.pk for board in boards]
    facts = BoardFacts.objects.defer("findings").in_bulk(ids, field_name="benchmark_id")
    ranking = Standing.objects.filter(
        benchmark__in=ids,
        is_visible=True,
        metric=F("benchmark__benchmark_metrics__metric"),
        benchmark__benchmark_metrics__position=0,
    ).select_related("entry__model", "metric")
    leaders = first_of_each(ranking.filter(rank=1).order_by("entry_id"))
    claimants = first_of_each(ranking.filter(verified=None, is_best=True).order_by("-order_value", "entry_id"))
    metrics = {
        row.pk: metric.metric
        for row in Benchmark.objects.filter(pk__in=ids).prefetch_related("benchmark_metrics__metric")
        for metric in row.benchmark_metrics.all()
        if metric.position == 0
    }
    return [
        BoardSummary(
            board,
            facts.get(board.pk) or BoardFacts(benchmark=board),
            metrics.get(board.pk),
            leaders.get(board.pk),
            claimants.get(board.pk),
        )
        for board in boards
    ]


def first_of_each(standings: Iterable[Standing]) -> dict[int, Standing]:
    found: dict[int, Standing] = {}
    for standing in standings:
        found.setdefault(standing.benchmark_id, standing)
    return found
