"""The pages around the leaderboards: home, tasks, datasets, models, search, and how we verify."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from leaderboard import charts
from leaderboard.models import Benchmark, Dataset, Entry, Metric, Model, Split, Standing, Task
from leaderboard.queries import draw_sheet, read_rows, search, summarise_boards
from leaderboard.queries.badges import find_badged, read_badge

LATEST = 6
MODELS_PER_PAGE = 50
ROWS = 200


def ranking_standings() -> QuerySet[Standing]:
    """Return every visible entry's standing on the metric that ranks its board."""
    return Standing.objects.filter(is_visible=True).ranking()


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the boards at a glance, what was verified lately, and how a number gets here."""
    verified = ranking_standings().filter(verified__isnull=False).order_by("-entry__verified_at", "-entry_id")
    latest = list(verified.select_related("entry__model", "metric", "benchmark__split__dataset")[:LATEST])
    claimed = (standing for standing in latest if standing.difference is not None)
    showcase = max(claimed, key=lambda standing: abs(standing.difference or 0), default=None)
    context = {
        "boards": summarise_boards(Benchmark.objects.all()),
        "latest": latest,
        "showcase": showcase,
        "showcase_axis": charts.make_axis([showcase], showcase.metric) if showcase else None,
    }
    return render(request, "leaderboard/home.html", context)


@require_safe
def list_tasks(request: HttpRequest) -> HttpResponse:
    """Show all tasks with their boards."""
    boards = summarise_boards(Benchmark.objects.all())
    tasks = [
        {"task": task, "boards": [board for board in boards if board.benchmark.task_id == task.pk]}
        for task in Task.objects.select_related("parent")
    ]
    return render(request, "leaderboard/tasks.html", {"tasks": tasks})


@require_safe
def show_task(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a task: what it is, its boards, its parts and resources."""
    task = get_object_or_404(Task.objects.select_related("parent").prefetch_related("children", "resources"), slug=slug)
    metrics = Metric.objects.filter(benchmarks__task=task).distinct()
    context = {"task": task, "boards": summarise_boards(task.benchmarks.all()), "metrics": metrics}
    return render(request, "leaderboard/task.html", context)


@require_safe
def list_datasets(request: HttpRequest) -> HttpResponse:
    """Show all datasets with their splits."""
    datasets = Dataset.objects.prefetch_related("splits__benchmarks")
    return render(request, "leaderboard/datasets.html", {"datasets": datasets})


@require_safe
def show_dataset(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a dataset: version, licence, splits with digest, class names and samples, and its boards."""
    splits = Prefetch("splits", Split.objects.order_by("name"))
    dataset = get_object_or_404(Dataset.objects.prefetch_related(splits), slug=slug)
    boards = summarise_boards(Benchmark.objects.filter(split__dataset=dataset))
    parts = [
        {
            "split": split,
            "sheet": draw_sheet(split),
            "boards": [board for board in boards if board.benchmark.split_id == split.pk],
        }
        for split in dataset.splits.all()
    ]
    return render(request, "leaderboard/dataset.html", {"dataset": dataset, "boards": boards, "parts": parts})


@require_safe
def list_models(request: HttpRequest) -> HttpResponse:
    """Show a page of the models by name."""
    models = Model.objects.filter(entries__is_hidden=False).distinct().select_related("paper").order_by("name", "pk")
    page = Paginator(models, MODELS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "leaderboard/models.html", {"page": page})


@require_safe
def show_model(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a model: its rows on every board, its weights and its paper."""
    model = get_object_or_404(Model.objects.select_related("paper"), slug=slug)
    rows = list_entry_rows(model.entries.all(), ROWS)
    return render(request, "leaderboard/model.html", {"model": model, "rows": rows, "weights": model.weights.all()})


def list_entry_rows(entries: QuerySet[Entry], count: int) -> list[dict[str, object]]:
    """Return the rows of several boards, each on the metric that ranks its board, with the board."""
    ranking = ranking_standings().filter(entry__in=entries)
    chosen = ranking.order_by("benchmark__position", "benchmark_id", "-order_value", "entry_id")[:count]
    found = list(chosen.select_related("benchmark__split__dataset", "benchmark__protocol", "metric"))
    rows = {row.entry_id: row for row in read_rows(Standing.objects.filter(pk__in=[each.pk for each in found]))}
    return [{"row": rows[each.entry_id], "standing": each, "benchmark": each.benchmark} for each in found]


@require_safe
def search_catalogue(request: HttpRequest) -> HttpResponse:
    """Show what holds the words that are looked for. A badge's address leads to the row that the badge shows."""
    asked = request.GET.get("q", "").replace("\0", "")
    text, badge = asked[:200].strip(), read_badge(asked)
    hosts = ("", request.get_host(), urlsplit(settings.BASE_URL).netloc)
    if badge and badge.host in hosts and (standing := find_badged(badge.benchmark, badge.model)):
        return redirect(standing.entry)
    context = {
        "text": text,
        "found": () if badge else search(text),
        "is_badge": badge is not None,
        "badge_host": badge.host if badge and badge.host not in hosts else "",
    }
    return render(request, "leaderboard/search.html", context)


@require_safe
def explain(request: HttpRequest) -> HttpResponse:
    """Tell how a number is verified."""
    return render(request, "leaderboard/explain.html")
