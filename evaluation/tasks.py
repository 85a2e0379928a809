"""The Celery tasks: load, do, record. What they do is elsewhere. Arguments are ids; each may come twice or never."""

import logging
import os
import socket
import threading
import time
from functools import partial
from types import ModuleType
from typing import Any

from celery import shared_task
from celery.signals import celeryd_after_setup, worker_ready, worker_shutting_down
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from evaluation import devices, sandbox
from evaluation.contract import ForwardMissing, InputFault, Progress
from evaluation.executor import (
    Fault,
    Finished,
    Lacking,
    Outcome,
    Places,
    Stopped,
    Trouble,
    execute,
    merge,
    start_waiting,
)
from evaluation.fetch import FetchUnavailable
from evaluation.folders import clear_work, find_folder, has_room, sweep
from evaluation.inputs import Abandoned, build_spec, collect_parts, obtain_weights, wait_for_storage
from evaluation.leases import Lease
from evaluation.spares import Spare
from leaderboard.models import Part, Run
from leaderboard.services.boards import arrears, cards
from leaderboard.services.running import parts, routing, runs, workers
from leaderboard.services.running.publishing import ReportRefused
from leaderboard.services.storage import StorageAway
from leaderboard.services.submitting import uploads
from leaderboard.services.telling import deliveries, mails
from leaderboard.states import TransitionRefused

logger = logging.getLogger(__name__)

# In seconds, less than a lease together: longer away, and the run is another's.
PAUSES = (0.5, 1, 2, 4, 8)

# This worker's waiting engine, if there is one.
spares: list[Spare] = []


@shared_task(name="evaluation.evaluate")
def evaluate(run_id: int) -> None:
    """Evaluate the run, or the next part of it, if nobody else has taken it."""
    if not has_room():
        # Taken, it would be lost at once, and so would its next attempts. It waits, and its message comes again.
        logger.warning("run %s: left to others, as the disk of %s is full; make room there", run_id, settings.WORK_DIR)
        time.sleep(settings.REST_SECONDS)
        return
    worker, at, has_gpu = worker_name(), timezone.now(), devices.has_gpu(settings.DEVICES)
    work: Run | Part | None = runs.claim_run(run_id, worker=worker, at=at, has_gpu=has_gpu)
    work = work or parts.claim_part(run_id, worker=worker, at=at, has_gpu=has_gpu)
    if work is not None:
        with Lease(name_work(work), partial(renew, work)) as lease:
            outcome = carry_out(work, lease)
            lease.renew()
            record(work, outcome, lease)
        if isinstance(outcome, Trouble) and outcome.is_here:
            # A worker that fails quickly, its disk full, would else be the one to take every run that waits.
            time.sleep(settings.REST_SECONDS)
        keep_spare()


@shared_task(name="evaluation.reconcile")
def reconcile() -> None:
    """Bring database and broker together again."""
    at = timezone.now()
    parts.reconcile(at=at)
    routing.reroute(at=at)
    runs.reconcile(at=at)
    uploads.discard_abandoned(at=at)


@shared_task(name="evaluation.deliver")
def deliver() -> None:
    """Send the mails that are due."""
    mails.deliver(at=timezone.now())


@shared_task(name="evaluation.notify")
def notify() -> None:
    """Send the messages to webhooks that are due."""
    deliveries.deliver(at=timezone.now())


@shared_task(name="evaluation.catch_up")
def catch_up() -> None:
    """Derive what was written past the services."""
    arrears.catch_up_next()


@shared_task(name="evaluation.illustrate")
def illustrate() -> None:
    """Draw the boards that have changed."""
    cards.draw_due()


def worker_name() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


def find_desk(work: Run | Part) -> ModuleType:
    """Return the services that take the worker's word on what it holds."""
    return parts if isinstance(work, Part) else runs


def renew(work: Run | Part, progress: Progress, lines: str) -> bool:
    is_held: bool = find_desk(work).renew_lease(work.pk, work.token, progress, lines, at=timezone.now())
    return is_held


def carry_out(work: Run | Part, lease: Lease) -> Outcome:
    """Fetch what is to be fetched and evaluate it."""
    try:
        return perform(work, lease)
    except Abandoned:
        return Stopped()
    except FetchUnavailable as trouble:
        return Trouble(str(trouble), is_here=False)
    except InputFault as fault:
        return Fault(str(fault))
    except ForwardMissing as missing:
        return Lacking(str(missing))
    except StorageAway as away:
        return Trouble(str(away))
    except OSError as error:
        return Trouble(f"The worker's disk or files failed: {error.strerror or error}.")


def perform(work: Run | Part, lease: Lease) -> Outcome:
    """Raises: what `carry_out` makes an outcome of."""
    run, part = (work.run, work) if isinstance(work, Part) else (work, None)
    folder, limit = find_folder(run.submission_id), settings.RUN_TIMEOUT_SECONDS
    places = Places(work=folder / f"part-{part.number}" if part else folder, store=settings.WORK_DIR / "pixels")
    places.prepare()
    if part is not None and part.is_merging:
        files = collect_parts(run, places.work / "parts", lease.watch)
        # Merging reads no weights.
        spec = build_spec(run, folder / "weights", part)
        return merge(spec, files, places, watch=lease.watch, timeout_seconds=limit)
    spec = build_spec(run, obtain_weights(run.submission, folder / "weights", lease.watch), part)
    has_gpu, is_open = devices.has_gpu(settings.DEVICES), settings.ALLOW_OPEN_BOX
    # Taken out first: whatever happens now, it is for this run or for none.
    spare = spares.pop() if spares else None
    watch = lease.watch
    return execute(spec, places, watch=watch, timeout_seconds=limit, allow_open=is_open, has_gpu=has_gpu, spare=spare)


def keep_spare() -> None:
    """Let an engine load its libraries for the next run."""
    if settings.SPARE_BOX and not spares:
        has_gpu = devices.has_gpu(settings.DEVICES)
        spare = start_waiting(settings.WORK_DIR / "spares", has_gpu=has_gpu, allow_open=settings.ALLOW_OPEN_BOX)
        spares.extend([spare] if spare else [])


def name_work(work: Run | Part) -> str:
    return f"run {work.run_id}, {parts.name_part(work)}" if isinstance(work, Part) else f"run {work.pk}"


def record(work: Run | Part, outcome: Outcome, lease: Lease) -> None:
    """Store how it ended, also where the database is away for a moment, as it is while it starts again."""
    for pause in PAUSES:
        try:
            return record_once(work, outcome, lease)
        except (OperationalError, InterfaceError):
            logger.warning("%s: the database did not take how it ended; once more in %s s", name_work(work), pause)
            connection.close()
            time.sleep(pause)
    record_once(work, outcome, lease)


def record_once(work: Run | Part, outcome: Outcome, lease: Lease) -> None:
    """What was taken away meanwhile is left as it is."""
    try:
        wait_for_storage(partial(store, work, outcome), lease.watch)
    except Abandoned:
        store(work, Stopped())
    except StorageAway as away:
        store(work, Trouble(str(away)))
    clear_work(work)


def store(work: Run | Part, outcome: Outcome) -> None:
    """Raises: StorageAway, having stored nothing."""
    at, desk = timezone.now(), find_desk(work)
    try:
        match outcome:
            case Finished(report, evidence):
                desk.record_report(work.pk, work.token, report, evidence, at=at)
            case Fault(reason):
                desk.record_fault(work.pk, work.token, reason, at=at)
            case Trouble(reason):
                desk.record_trouble(work.pk, work.token, reason, at=at)
            case Lacking(reason):
                desk.record_lack(work.pk, work.token, reason, at=at)
            case Stopped():
                logger.info("%s: let go", name_work(work))
    except TransitionRefused as refusal:
        logger.warning("%s: %s", name_work(work), refusal)
    except ReportRefused as refusal:
        desk.record_trouble(work.pk, work.token, str(refusal), at=at)


@celeryd_after_setup.connect
def leave_gpu_queue(sender: str, instance: Any, **_: Any) -> None:
    """Take nothing from the GPU workers' queue on a machine that has none, whichever queues were named."""
    if not devices.has_gpu(settings.DEVICES):
        instance.app.amqp.queues.deselect("gpu")


@worker_ready.connect
def start_announcing(sender: Any = None, **_: Any) -> None:
    """Let the worker say from now on that it is alive."""
    queues = sorted(queue.name for queue in sender.task_consumer.queues) if sender else []
    threading.Thread(target=announce_forever, args=(queues,), daemon=True, name="announce").start()
    # A scheduler evaluates nothing.
    if {"cpu", "gpu"} & set(queues):
        keep_spare()


@worker_shutting_down.connect
def discard_spare(**_: Any) -> None:
    while spares:
        spares.pop().discard()


def announce_forever(queues: list[str]) -> None:
    pause, found = threading.Event(), devices.find_devices(settings.DEVICES)
    while True:
        try:
            box = sandbox.status().kind
            workers.announce(worker_name(), queues=queues, box=box, devices=found, at=timezone.now())
            sweep()
        except Exception:
            logger.exception("not announced")
        connection.close()
        pause.wait(workers.ANNOUNCE_SECONDS)
