"""What the pages around the leaderboards show: boards at a glance, and what a search finds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import F, Model, Q, QuerySet

from leaderboard.models import Benchmark, BoardFacts, Dataset, Metric, Paper, Standing, Task
from leaderboard.models import Model as PublishedModel

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


@dataclass(frozen=True)
class FoundPage:
    """One thing that a search found. `kind` is its word: task, dataset, benchmark, model or paper."""

    kind: str
    name: str
    url: str
    note: str = ""


def search(text: str) -> list[FoundPage]:
    """Return what holds all words of `text`, at most twenty of each kind."""
    words = text.split()[:8]
    if not words:
        return []
    found: list[FoundPage] = []
    for task in matching(Task.objects.all(), words, "name_en", "name_zh_hans"):
        found.append(FoundPage("task", task.name, task.get_absolute_url()))
    for dataset in matching(Dataset.objects.all(), words, "name", "slug"):
        found.append(FoundPage("dataset", dataset.name, dataset.get_absolute_url(), dataset.licence))
    boards = Benchmark.objects.select_related("split__dataset", "protocol", "task")
    for board in matching(boards, words, "split__dataset__name", "slug"):
        found.append(FoundPage("benchmark", str(board), board.get_absolute_url(), board.task.name))
    models = PublishedModel.objects.select_related("paper")
    for model in matching(models, words, "name", "architecture"):
        found.append(FoundPage("model", model.name, model.get_absolute_url(), model.architecture))
    for paper in matching(Paper.objects.all(), words, "title", "authors", "url"):
        found.append(FoundPage("paper", str(paper), paper.get_absolute_url(), paper.authors))
    return found


def matching(rows: QuerySet[M], words: list[str], *fields: str) -> QuerySet[M]:
    """Return the rows in one of whose fields each word stands."""
    for word in words:
        one = Q()
        for field in fields:
            one |= Q(**{f"{field}__icontains": word})
        rows = rows.filter(one)
    return rows[:FOUND_PER_KIND]
