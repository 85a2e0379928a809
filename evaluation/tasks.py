"""The Celery tasks: load, do, record. What they do is elsewhere. Arguments are ids; each may come twice or never."""

import logging
import os
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.db import connection
from django.utils import timezone

from evaluation import sandbox
from evaluation.contract import DatasetSpec, EvaluationSpec, InputFault, Progress, Protocol, WeightsSpec
from evaluation.executor import Fault, Finished, Outcome, Places, Stopped, Trouble, execute
from evaluation.fetch import FetchUnavailable, fetch
from leaderboard.models import Run, Submission
from leaderboard.services import mails, runs, uploads, workers
from leaderboard.services.publishing import ReportRefused
from leaderboard.states import TransitionRefused

logger = logging.getLogger(__name__)


class Abandoned(Exception):
    """The run was taken away while its weights were being fetched."""


@shared_task(name="evaluation.evaluate")
def evaluate(run_id: int) -> None:
    """Evaluate the run, if nobody else has taken it."""
    run = runs.claim_run(run_id, worker=worker_name(), at=timezone.now())
    if run is not None:
        record(run, carry_out(run))


@shared_task(name="evaluation.reconcile")
def reconcile() -> None:
    """Bring database and broker together again."""
    runs.reconcile(at=timezone.now())
    uploads.discard_abandoned(at=timezone.now())


@shared_task(name="evaluation.deliver")
def deliver() -> None:
    """Send the mails that are due."""
    mails.deliver(at=timezone.now())


def worker_name() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


class Lease(threading.Thread):
    """Renew the lease of a run from the side while the evaluation works; `is_lost` once a renewal is refused."""

    def __init__(self, run: Run) -> None:
        super().__init__(daemon=True, name=f"lease of run {run.pk}")
        self.run_id, self.token = run.pk, run.token
        self.progress = Progress(stage="starting")
        self.lines: list[str] = []
        self.lost, self.done = threading.Event(), threading.Event()

    def __enter__(self) -> "Lease":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.join()
        # The last lines and counts, which the thread has not stored yet.
        self.renew()

    def run(self) -> None:
        try:
            while not self.done.is_set():
                self.renew()
                self.done.wait(settings.HEARTBEAT_SECONDS)
        finally:
            connection.close()

    def renew(self) -> None:
        assert self.token is not None
        lines, self.lines = self.lines, []
        try:
            if not runs.renew_lease(self.run_id, self.token, self.progress, "".join(lines), at=timezone.now()):
                self.lost.set()
        except Exception:
            # A database that is away for a moment costs a heartbeat; when it stays away the lease runs out by itself.
            logger.exception("run %s: lease not renewed", self.run_id)
            self.lines = lines + self.lines
            connection.close()

    def watch(self, progress: Progress | None) -> bool:
        """Take note of the progress and tell whether the run is still ours."""
        if progress is not None:
            if progress.stage != self.progress.stage or progress.message:
                self.lines.append(f"{timezone.now():%H:%M:%S} {progress.stage} {progress.message}".rstrip() + "\n")
            self.progress = progress
        return not self.lost.is_set()


def carry_out(run: Run) -> Outcome:
    """Fetch what is to be fetched and evaluate it, under a lease that is renewed meanwhile."""
    submission = run.submission
    places = Places(work=settings.WORK_DIR / "submissions" / str(submission.pk), store=settings.WORK_DIR / "pixels")
    with Lease(run) as lease:
        try:
            places.prepare()
            weights = obtain_weights(submission, places.work / "weights", lease.watch)
            return execute(
                build_spec(submission, weights),
                places,
                watch=lease.watch,
                timeout_seconds=settings.RUN_TIMEOUT_SECONDS,
                allow_open=settings.ALLOW_OPEN_BOX,
            )
        except Abandoned:
            return Stopped()
        except FetchUnavailable as trouble:
            return Trouble(str(trouble))
        except InputFault as fault:
            return Fault(str(fault))
        except OSError as error:
            return Trouble(f"The worker's disk or files failed: {error.strerror or error}.")


def obtain_weights(submission: Submission, target: Path, watch: Callable[[Progress | None], bool]) -> Path:
    """Return a local path of the weights: the stored file, a copy of it, or the fetched one.

    Raises: FetchUnavailable for what may pass, InputFault for what will not.
    """
    if submission.weights_file:
        try:
            return Path(submission.weights_file.path)
        except NotImplementedError:
            # Object storage has no paths.
            with submission.weights_file.open("rb") as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, 2**20)
            return target

    def tell(done: int, total: int | None) -> None:
        if not watch(Progress(stage="fetching", done=done // 1024, total=(total or 0) // 1024)):
            raise Abandoned

    watch(Progress(stage="fetching", message=f"from {submission.weights_url}"))
    fetched = fetch(
        submission.weights_url,
        target,
        sha256=submission.weights_sha256 or None,
        max_bytes=settings.MAX_WEIGHTS_BYTES,
        timeout_seconds=settings.FETCH_TIMEOUT_SECONDS,
        allow_private=settings.FETCH_ALLOW_PRIVATE,
        on_progress=tell,
    )
    return fetched.path


def build_spec(submission: Submission, weights: Path) -> EvaluationSpec:
    """Return what the engine is to do. Raises: InputFault where the declared protocol is off."""
    split, protocol = submission.benchmark.split, submission.benchmark.protocol
    # A benchmark that fixes its preprocessing is ranked by that alone.
    preprocessing = protocol.preprocessing or submission.protocol
    return EvaluationSpec(
        weights=WeightsSpec(
            path=str(weights),
            architecture=submission.architecture or None,
            sha256=submission.weights_sha256 or None,
            background=submission.background,
        ),
        dataset=DatasetSpec(path=split.path, digest=split.digest or None, labels=split.labels_path or None),
        protocol=Protocol.from_dict(preprocessing) if preprocessing else None,
        metrics=tuple(submission.benchmark.metrics.values_list("key", flat=True)),
        order_seed=submission.order_seed,
    )


def record(run: Run, outcome: Outcome) -> None:
    """Store how the run ended. A run that was taken away meanwhile is left as it is."""
    assert run.token is not None
    at = timezone.now()
    try:
        match outcome:
            case Finished(report, evidence):
                runs.record_report(run.pk, run.token, report, evidence, at=at)
            case Fault(reason):
                runs.record_fault(run.pk, run.token, reason, at=at)
            case Trouble(reason):
                runs.record_trouble(run.pk, run.token, reason, at=at)
            case Stopped():
                logger.info("run %s: let go", run.pk)
    except TransitionRefused as refusal:
        logger.warning("run %s: %s", run.pk, refusal)
    except ReportRefused as refusal:
        runs.record_trouble(run.pk, run.token, str(refusal), at=at)
    clear_work(run.submission_id)


def clear_work(submission_id: UUID) -> None:
    """Remove the work folder of a submission that waits for nothing more."""
    if not Run.objects.filter(submission=submission_id, state__in=["queued", "running"]).exists():
        shutil.rmtree(settings.WORK_DIR / "submissions" / str(submission_id), ignore_errors=True)


@worker_ready.connect
def start_announcing(sender: Any = None, **_: Any) -> None:
    """Let the worker say from now on that it is alive."""
    queues = sorted(queue.name for queue in sender.task_consumer.queues) if sender else []
    threading.Thread(target=announce_forever, args=(queues,), daemon=True, name="announce").start()


def announce_forever(queues: list[str]) -> None:
    pause = threading.Event()
    while True:
        try:
            workers.announce(worker_name(), queues=queues, box=sandbox.status().kind, at=timezone.now())
        except Exception:
            logger.exception("not announced")
        connection.close()
        pause.wait(workers.ANNOUNCE_SECONDS)
