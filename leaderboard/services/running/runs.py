"""What a worker does with a run: claim it, keep its lease, record how it ended. And what reconcile does after it.

Each function that ends a run takes the fencing token that `claim_run` gave out. Who no longer holds it gets
`TransitionRefused` and has changed nothing.
"""

import datetime as dt
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Concat, Right

from evaluation.contract import UNIVERSAL_FORWARD, EvaluationReport, Progress
from leaderboard import queue
from leaderboard.models import Run
from leaderboard.services.running import publishing
from leaderboard.services.running.attempts import enqueue, settle_at
from leaderboard.services.running.cutting import end_parts
from leaderboard.services.running.transitions import move
from leaderboard.services.telling import notices, webhooks
from leaderboard.states import TransitionRefused

logger = logging.getLogger(__name__)

LOG_CHARACTERS = 32_000
# A queued run that nobody took for this long is nudged again.
NUDGE_AGAIN_SECONDS = 30
NUDGES_AT_ONCE = 50


def lease_end(at: dt.datetime) -> dt.datetime:
    return at + dt.timedelta(seconds=settings.LEASE_SECONDS)


def list_queues(has_gpu: bool) -> tuple[str, ...]:
    """Return the queues whose runs such a worker can evaluate, whichever a message came by."""
    return ("cpu", "gpu") if has_gpu else ("cpu",)


@transaction.atomic
def claim_run(run_id: int, *, worker: str, at: dt.datetime, has_gpu: bool = False) -> Run | None:
    """Take a queued run with a lease and a fresh token; None where it is gone, cut, or somebody else took it."""
    runs = Run.objects.select_related("submission__benchmark__split", "submission__benchmark__protocol")
    run = runs.filter(pk=run_id, state="queued", parts=None, queue__in=list_queues(has_gpu)).first()
    if run is None:
        return None
    try:
        with transaction.atomic():
            lease: dict[str, Any] = {"token": uuid4(), "lease_expires_at": lease_end(at), "started_at": at}
            move(run, "running", by=worker, at=at, worker=worker, **lease)
            move(run.submission, "running", by=worker, at=at)
            add_lines(run, f"{at:%H:%M:%S} taken by {worker}\n")
    except TransitionRefused:
        return None
    return run


def renew_lease(run_id: int, token: UUID, progress: Progress, lines: str, *, at: dt.datetime) -> bool:
    """Keep the lease and store how far the run is; False where it was taken away (lost, cancelled)."""
    values = {"stage": progress.stage, "done": progress.done, "total": progress.total}
    held = Run.objects.filter(pk=run_id, token=token, state="running")
    return bool(held.update(lease_expires_at=lease_end(at), **values, **extend_log(lines)))


def extend_log(lines: str) -> dict[str, Any]:
    return {"log": Right(Concat(F("log"), Value(lines)), LOG_CHARACTERS)} if lines else {}


def add_lines(run: Run, lines: str, **values: Any) -> None:
    """Add lines to the log of a run that goes on, and set `values` with them."""
    if changes := values | extend_log(lines):
        Run.objects.filter(pk=run.pk, state="running").update(**changes)


def find_held(run_id: int, token: UUID) -> Run:
    """Raises: TransitionRefused where the token no longer holds the run."""
    related = "submission__benchmark__split__dataset"
    run = Run.objects.select_related(related).filter(pk=run_id, token=token, state="running").first()
    if run is None:
        raise TransitionRefused("This run was taken away from its worker; what the worker found is dropped.")
    return run


@transaction.atomic
def record_report(
    run_id: int, token: UUID, report: EvaluationReport, evidence: Path | None, *, at: dt.datetime
) -> None:
    """Publish the verified scores. Raises: TransitionRefused."""
    run = find_held(run_id, token)
    by, total = run.worker, report.dataset.get("samples", 0)
    leaders = notices.read_leaders(run.submission.benchmark)
    move(run, "verified", by=by, at=at, stage="done", done=total, total=total, token=None, finished_at=at)
    move(run.submission, "verified", by=by, at=at)
    end_parts(run)
    publishing.publish(run, report, evidence, at=at)
    notices.note_finished(run.submission, at=at)
    notices.note_overtaken(leaders, run.submission, at=at)
    webhooks.tell_finished(run.submission, at=at)


@transaction.atomic
def record_fault(run_id: int, token: UUID, reason: str, *, at: dt.datetime) -> None:
    """Close the submission: its file or its arguments are at fault. Raises: TransitionRefused."""
    run = find_held(run_id, token)
    move(run, "failed", by=run.worker, at=at, reason=reason, token=None, finished_at=at)
    end_parts(run)
    Run.objects.filter(pk=run.pk).update(reason=reason)
    move(run.submission, settle_at(run.submission, "failed"), by=run.worker, at=at, reason=reason)
    notices.note_finished(run.submission, at=at)
    webhooks.tell_finished(run.submission, at=at)


@transaction.atomic
def record_trouble(run_id: int, token: UUID, reason: str, *, at: dt.datetime) -> None:
    """Give the run back: we are at fault. Queued again, or stalled after too many. Raises: TransitionRefused."""
    give_up(find_held(run_id, token), reason, by="worker", at=at)


@transaction.atomic
def record_lack(run_id: int, token: UUID, reason: str, *, at: dt.datetime) -> None:
    """Start afresh in the way that every worker has, as this one lacks the run's own. Raises: TransitionRefused."""
    told = f"{reason.removesuffix('.')}; it starts afresh in a way that every worker has."
    give_up(find_held(run_id, token), told, by="worker", at=at, forward=UNIVERSAL_FORWARD)


def give_up(
    run: Run, reason: str, *, by: str, at: dt.datetime, losses: int | None = None, forward: str | None = None
) -> None:
    """Close the attempt as lost and queue the next one, or stall.

    `losses`: of one part, if that is what was lost. `forward`: what the next attempt is computed in.
    """
    move(run, "lost", by=by, at=at, reason=reason, token=None, finished_at=at)
    Run.objects.filter(pk=run.pk).update(reason=reason)
    end_parts(run)
    losses = losses or run.losses + 1
    if losses < settings.MAX_ATTEMPTS:
        enqueue(run.submission, by=by, at=at, reason=f"Queued again: {reason}", losses=losses, forward=forward)
        return
    move(
        run.submission,
        "stalled",
        by=by,
        at=at,
        reason=f"Stopped after {losses} attempts, an admin looks at it. {reason}",
    )


@dataclass(frozen=True)
class Reconciled:
    """What one pass did."""

    lost: int
    nudged: int


def reconcile(*, at: dt.datetime) -> Reconciled:
    """Take back runs whose lease ran out and repeat nudges that nobody followed."""
    # A run that is cut is taken back part by part.
    expired = Run.objects.filter(state="running", lease_expires_at__lt=at, parts=None)
    lost = sum(take_back(run, at=at) for run in expired.select_related("submission"))
    return Reconciled(lost=lost, nudged=repeat_nudges(at=at))


def take_back(run: Run, *, at: dt.datetime) -> bool:
    try:
        with transaction.atomic():
            give_up(run, "The worker stopped answering.", by="reconcile", at=at)
    except TransitionRefused:
        return False
    logger.warning("run %s: lease of %s ran out", run.pk, run.worker)
    return True


def repeat_nudges(*, at: dt.datetime) -> int:
    stale = at - dt.timedelta(seconds=NUDGE_AGAIN_SECONDS)
    offered = Q(state="queued") | Q(state="running", parts__state="queued")
    waiting = Run.objects.filter(offered, nudged_at__lt=stale).distinct().order_by("queued_at")[:NUDGES_AT_ONCE]
    for run in waiting:
        queue.send(run.pk, run.queue)
        Run.objects.filter(pk=run.pk).update(nudged_at=at)
    return len(waiting)
