"""Is the portal alive, is it ready, and how busy is it: for load balancers, alarms and whoever looks for a fault."""

import datetime as dt
import logging
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from leaderboard.models import Part, Run, Submission, Worker
from leaderboard.queries.backlog import read_backlog
from leaderboard.services.running.workers import is_gpu_alive
from leaderboard.services.storage import StorageAway
from leaderboard.states import PART_TRANSITIONS, RUN_STATES, SUBMISSION_STATES

logger = logging.getLogger(__name__)

# What evaluations wait in.
RUN_QUEUES = {"cpu", "gpu"}
SEEN_WITHIN = dt.timedelta(seconds=60)
BROKER_SECONDS = 2
# What a worker announces where no isolation works on its machine.
OPEN_BOXES = ("", "none", "open")


@dataclass(frozen=True)
class Check:
    """What one check found, in words that may be public."""

    ok: bool
    detail: str


def check_database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    missing = count_missing_migrations()
    return Check(
        not missing, f"{missing} migrations were not run; run manage.py migrate" if missing else connection.vendor
    )


def count_missing_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def check_cache() -> Check:
    """Is a value kept? Tried passwords are counted there, without which nobody signs in."""
    key = f"health/{socket.gethostname()}/{os.getpid()}/{threading.get_ident()}"
    cache.set(key, key, timeout=60)
    is_kept = cache.get(key) == key
    return Check(
        is_kept, "a value was kept" if is_kept else "no value is kept, so that nobody can sign in; the log says more"
    )


def check_broker() -> Check:
    with current_app.connection_for_write(connect_timeout=BROKER_SECONDS) as broker:
        broker.ensure_connection(max_retries=0, timeout=BROKER_SECONDS)
        with broker.channel() as channel:
            # kombu counts what waits in a queue only through its channels, on every transport alike.
            waiting = sum(channel._size(queue) for queue in ("cpu", "gpu"))
        return Check(True, f"{broker.transport_cls}, {waiting} nudges waiting")


def check_storage() -> Check:
    """Write a small file and remove it."""
    try:
        name = default_storage.save(f"health/{socket.gethostname()}", ContentFile(b"written by /readyz"))
        default_storage.delete(name)
    except StorageAway as away:
        logger.exception("readiness: storage")
        return Check(False, str(away))
    return Check(True, "a file was written and removed")


def check_workers() -> Check:
    count = count_workers()
    return Check(count > 0, f"{count} seen in the last {SEEN_WITHIN.seconds} s")


def check_queue() -> Check:
    """Does anybody take back what lost its worker? A queue that is merely long is no fault."""
    at = timezone.now()
    state = read_backlog(at=at)
    told = f"{state.waiting} waiting, the oldest for {state.oldest_seconds:.0f} s; {state.stalled} stalled"
    if state.overdue:
        return Check(False, f"{told}; {state.overdue} not taken back from lost workers: is the scheduler running?")
    return Check(True, told)


def check_sandbox() -> Check:
    """Are evaluations isolated on every worker that is alive?"""
    boxes = sorted(set(live_workers().values_list("box", flat=True)))
    is_open = any(box in OPEN_BOXES for box in boxes)
    if is_open and settings.ALLOW_OPEN_BOX:
        return Check(True, "no isolation on some worker; VERIBOARD_ALLOW_OPEN_BOX allows it")
    if is_open:
        return Check(False, "no isolation on some worker, which evaluates nothing; install bubblewrap there")
    return Check(bool(boxes), ", ".join(boxes) or "no worker to tell")


CHECKS: dict[str, Callable[[], Check]] = {
    "database": check_database,
    "broker": check_broker,
    "cache": check_cache,
    "storage": check_storage,
    "workers": check_workers,
    "queue": check_queue,
    "sandbox": check_sandbox,
}


# Each would wait for a database that is away as long as its own check did.
ASKED_OF_DATABASE = {"workers", "queue", "sandbox"}


def live_workers() -> QuerySet[Worker]:
    return Worker.objects.filter(seen_at__gte=timezone.now() - SEEN_WITHIN)


def count_workers() -> int:
    """Return how many live workers evaluate: the scheduler announces itself too, and evaluates nothing."""
    return sum(bool(RUN_QUEUES & set(queues)) for queues in live_workers().values_list("queues", flat=True))


def perform(name: str) -> Check:
    """Perform one check; what it raises is logged, and only its kind is told."""
    try:
        return CHECKS[name]()
    except Exception as error:
        logger.exception("readiness: %s", name)
        return Check(False, f"failed with {type(error).__name__}; the log has the rest")


@require_safe
@never_cache
def alive(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process does; nothing else is asked."""
    return JsonResponse({"status": "alive"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Check everything that a submission needs; 503 where one of it fails."""
    checks: dict[str, Check] = {}
    for name in CHECKS:
        is_known = name not in ASKED_OF_DATABASE or checks["database"].ok
        checks[name] = perform(name) if is_known else Check(False, "not known, as the database did not pass")
    is_ready = all(check.ok for check in checks.values())
    return JsonResponse(
        {
            "status": "ready" if is_ready else "not ready",
            "checks": {name: asdict(check) for name, check in checks.items()},
        },
        status=200 if is_ready else 503,
    )


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Give Prometheus the requests of this process and the state of the queue."""
    response: HttpResponse = ExportToDjangoView(request)
    response.content += generate_latest(measure_queue(timezone.now()))
    return response


def measure_queue(at: dt.datetime) -> CollectorRegistry:
    """Read the gauges of the queue from the database, which alone knows it."""
    registry = CollectorRegistry()
    runs = Gauge("veriboard_runs", "Runs by state", ["state"], registry=registry)
    submissions = Gauge("veriboard_submissions", "Submissions by state", ["state"], registry=registry)
    parts = Gauge("veriboard_parts", "Parts of the runs under way, by state", ["state"], registry=registry)
    under_way = Part.objects.filter(run__state__in=["queued", "running"])
    for gauge, states, counts in (
        (runs, RUN_STATES, Run.objects.order_by().values_list("state").annotate(Count("pk"))),
        (submissions, SUBMISSION_STATES, Submission.objects.order_by().values_list("state").annotate(Count("pk"))),
        (parts, tuple(PART_TRANSITIONS), under_way.order_by().values_list("state").annotate(Count("pk"))),
    ):
        known = dict(counts)
        for state in states:
            gauge.labels(state).set(known.get(state, 0))
    backlog = read_backlog(at=at)
    for name, told, value in (
        ("queue_oldest_seconds", "How long the oldest queued run waits", backlog.oldest_seconds),
        (
            "stalled_oldest_seconds",
            "How long the oldest stalled submission waits for an admin",
            backlog.stalled_seconds,
        ),
        ("leases_overdue", "Runs and parts of lost workers that no scheduler takes back", backlog.overdue),
    ):
        Gauge(f"veriboard_{name}", told, registry=registry).set(value)
    Gauge("veriboard_workers_alive", "Workers seen in the last minute", registry=registry).set(count_workers())
    gpu = Gauge("veriboard_gpu_alive", "1 where a GPU worker was seen in the last minute", registry=registry)
    gpu.set(is_gpu_alive(at=at))
    return registry
