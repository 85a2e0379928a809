"""Rows that are written past the services, in a shell or by a script, make their boards' facts stale.

The next reader derives such a board again, so that no board goes on showing what is no longer stored. From the names
around a board, of its dataset or protocol, nothing is derived: they give it another version, and pages are made anew.
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


def find_facts(row: Any) -> QuerySet[BoardFacts]:
    """Return the facts of the boards on which this row shows."""
    facts = BoardFacts.objects.filter(is_stale=False)
    match row:
        case Entry() | BenchmarkMetric():
            return facts.filter(benchmark=row.benchmark_id)
        case Claim():
            return facts.filter(benchmark__entries=row.entry_id)
        case Model():
            return facts.filter(benchmark__entries__model=row.pk)
        case Paper():
            return facts.filter(benchmark__entries__model__paper=row.pk)
    return facts.none()


def mark(instance: Any, **_: Any) -> None:
    # By key: an update across joins is not possible, and almost always there is nothing to do.
    keys = list(find_facts(instance).values_list("pk", flat=True).distinct())
    if keys:
        BoardFacts.objects.filter(pk__in=keys).update(is_stale=True)
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
    return BoardFacts.objects.none()


def renew(instance: Any, **_: Any) -> None:
    if keys := list(find_named(instance).values_list("pk", flat=True).distinct()):
        BoardFacts.objects.filter(pk__in=keys).update(version=time.time_ns())
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
    for named in (Benchmark, Protocol, Split, Dataset, Task, Metric):
        post_save.connect(renew, sender=named, dispatch_uid="staleness")
        post_delete.connect(renew, sender=named, dispatch_uid="staleness")
    m2m_changed.connect(mark_linked, sender=Entry.weights.through, dispatch_uid="staleness")
