"""Rows that are written past the services, in a shell or by a script, make their entries and boards stale.

Such entries are derived again by the next reader of a small board and behind the readers of a large one
(`services.boards.arrears`), so that no board goes on showing what is no longer stored. From the names around a board,
of its dataset or protocol, nothing is derived: they give it another version, and pages are made anew.
"""

import time
from typing import Any

from django.db.models import QuerySet
from django.db.models.signals import m2m_changed, post_delete, post_save

from leaderboard.models import (
    Benchmark,
    BenchmarkMetric,
    BoardFacts,
    Claim,
    Dataset,
    Entry,
    Metric,
    Model,
    Paper,
    Protocol,
    Split,
    Task,
)
from leaderboard.versions import forget


def find_entries(row: Any) -> QuerySet[Entry]:
    """Return the entries whose standings this row bears on."""
    match row:
        case Entry():
            return Entry.objects.filter(pk=row.pk)
        case BenchmarkMetric():
            return Entry.objects.filter(benchmark=row.benchmark_id)
        case Claim():
            return Entry.objects.filter(pk=row.entry_id)
        case Model():
            return Entry.objects.filter(model=row.pk)
        case Paper():
            return Entry.objects.filter(model__paper=row.pk)
    return Entry.objects.none()


def mark(instance: Any, **_: Any) -> None:
    """Note which entries and boards have to be derived again. A stale entry's board is stale already."""
    entries = find_entries(instance)
    count = entries.filter(is_stale=False).update(is_stale=True)
    facts = BoardFacts.objects.filter(is_stale=False)
    if isinstance(instance, Entry | BenchmarkMetric):
        # Of an entry that is gone nothing is left to derive, but others move up.
        count += facts.filter(benchmark=instance.benchmark_id).update(is_stale=True)
    elif count:
        facts.filter(benchmark__in=entries.values("benchmark")).update(is_stale=True)
    if count:
        forget()


def find_named(row: Any) -> QuerySet[BoardFacts]:
    """Return the facts of the boards whose pages say this row's names; boards of a dataset name each other."""
    beside = "benchmark__split__dataset__splits__benchmarks"
    match row:
        case Benchmark():
            return BoardFacts.objects.filter(benchmark__split__dataset__splits=row.split_id)
        case Protocol():
            return BoardFacts.objects.filter(**{f"{beside}__protocol": row.pk})
        case Split():
            return BoardFacts.objects.filter(benchmark__split__dataset=row.dataset_id)
        case Dataset():
            return BoardFacts.objects.filter(benchmark__split__dataset=row.pk)
        case Task():
            return BoardFacts.objects.filter(benchmark__task=row.pk)
        case Metric():
            return BoardFacts.objects.filter(benchmark__metrics=row.pk)
        case BenchmarkMetric():
            return BoardFacts.objects.filter(benchmark=row.benchmark_id)
    return BoardFacts.objects.none()


def renew(instance: Any, **_: Any) -> None:
    if keys := list(find_named(instance).values_list("pk", flat=True).distinct()):
        version = time.time_ns()
        BoardFacts.objects.filter(pk__in=keys).update(version=version, names_version=version)
        forget()


def mark_linked(instance: Any, action: str, pk_set: set[int] | None, **_: Any) -> None:
    """Adding what is there already changes nothing, and is told all the same."""
    if action == "post_clear" or (action in ("post_add", "post_remove") and pk_set):
        mark(instance)


def connect() -> None:
    """Listen for single writes; `bulk_create` and `update` send no signal, and the services follow them up anyway."""
    for model in (Entry, Claim, Model, Paper, BenchmarkMetric):
        post_save.connect(mark, sender=model, dispatch_uid="staleness")
        post_delete.connect(mark, sender=model, dispatch_uid="staleness")
    for named in (Benchmark, Protocol, Split, Dataset, Task, Metric, BenchmarkMetric):
        post_save.connect(renew, sender=named, dispatch_uid="names")
        post_delete.connect(renew, sender=named, dispatch_uid="names")
    m2m_changed.connect(mark_linked, sender=Entry.weights.through, dispatch_uid="staleness")
