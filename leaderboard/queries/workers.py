"""Who evaluates, what waits for them, and what became of the runs of the last day."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Min, Q
from django.db.models.functions import Coalesce

from leaderboard.models import Run, Worker

SEEN_WITHIN = dt.timedelta(seconds=60)
LOOKED_BACK = dt.timedelta(days=1)
LOST_SHOWN = 20


@dataclass(frozen=True)
class WorkerState:
    """A worker as it last announced itself, and the run that it holds, or a part of it."""

    worker: Worker
    is_alive: bool
    run: Run | None


@dataclass(frozen=True)
class QueueState:
    """What waits in a queue of runs, since when, what runs, and how many live workers take from it."""

    name: str
    waiting: int
    oldest_at: dt.datetime | None
    running: int
    workers: int


@dataclass(frozen=True)
class Throughput:
    """What became of the runs that ended in the last day."""

    verified: int
    failed: int
    lost: int
    cancelled: int
    mean_wait: dt.timedelta | None
    mean_duration: dt.timedelta | None


def read_workers(*, at: dt.datetime) -> list[WorkerState]:
    """Return all workers of the last day, the living first, with two queries."""
    # Of a run that is cut there is a row for each part that somebody holds.
    running = Run.objects.filter(Q(parts=None) | Q(parts__state="running"), state="running")
    running = running.annotate(holder=Coalesce("parts__worker", "worker")).select_related("submission").defer("log")
    held = {run.holder: run for run in running}
    states = [
        WorkerState(worker, worker.seen_at >= at - SEEN_WITHIN, held.get(worker.name))
        for worker in Worker.objects.order_by("name")
    ]
    return sorted(states, key=lambda state: not state.is_alive)


def read_queues(workers: list[WorkerState]) -> list[QueueState]:
    """Return every queue in which something waits or runs, or from which a live worker takes, with one query."""
    active = Run.objects.filter(state__in=["queued", "running"]).order_by("queue").values("queue")
    is_queued = Q(state="queued")
    rows = active.annotate(
        waiting=Count("pk", filter=is_queued),
        running=Count("pk", filter=~is_queued),
        oldest_at=Min("queued_at", filter=is_queued),
    )
    found: dict[str, dict[str, Any]] = {row["queue"]: dict(row) for row in rows}
    takers = [queue for state in workers if state.is_alive for queue in state.worker.queues]
    return [
        QueueState(
            name,
            waiting=found.get(name, {}).get("waiting", 0),
            oldest_at=found.get(name, {}).get("oldest_at"),
            running=found.get(name, {}).get("running", 0),
            workers=takers.count(name),
        )
        # What the scheduler listens to holds no runs.
        for name in sorted({*found, *takers} - {"control"})
    ]


def read_throughput(*, at: dt.datetime) -> Throughput:
    """Return the last day's figures, with one query. Waits and durations are those of verified runs."""

    wait = ExpressionWrapper(F("started_at") - F("queued_at"), output_field=DurationField())
    duration = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())

    is_verified = Q(state="verified")
    counts = {state: Count("pk", filter=Q(state=state)) for state in ("verified", "failed", "lost", "cancelled")}
    figures = Run.objects.filter(finished_at__gte=at - LOOKED_BACK).aggregate(
        **counts,
        mean_wait=Avg(wait, filter=is_verified),
        mean_duration=Avg(duration, filter=is_verified),
    )
    return Throughput(**figures)


def read_lost(*, at: dt.datetime) -> list[Run]:
    """Return the latest runs that were lost by our fault in the last day, with one query."""
    lost = Run.objects.filter(state="lost", finished_at__gte=at - LOOKED_BACK)
    return list(lost.select_related("submission").defer("log").order_by("-finished_at")[:LOST_SHOWN])
