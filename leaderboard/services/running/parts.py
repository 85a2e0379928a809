"""What a worker does with a part of a run: claim it, keep its lease, record how it ended. And reconcile after it.

The functions have the names and the discipline of `running.runs`. A lost part goes back to the queue while its run
goes on; one that is lost too often ends the run. Whoever finishes the last one leaves the merging to be claimed.
"""

import contextlib
import datetime as dt
import logging
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import F, Max, OuterRef, Subquery, Sum

from evaluation.contract import EvaluationReport, Progress
from leaderboard import queue
from leaderboard.models import Part, Run
from leaderboard.services.running import runs
from leaderboard.services.running.cutting import move_part, release_parts
from leaderboard.services.running.transitions import move
from leaderboard.services.running.workers import is_gpu_alive
from leaderboard.states import TransitionRefused

logger = logging.getLogger(__name__)

RELATED = ("run__submission__benchmark__split", "run__submission__benchmark__protocol")
# The stage in which a part's count is one of images evaluated.
COUNTED = "predicting"


def claim_part(run_id: int, *, worker: str, at: dt.datetime, has_gpu: bool = False) -> Part | None:
    """Take the next part of the run that nobody has; None where there is none."""
    offered = Part.objects.select_related(*RELATED).filter(run_id=run_id, state="queued")
    offered = offered.filter(run__state__in=["queued", "running"], run__queue__in=runs.list_queues(has_gpu))
    while part := offered.order_by("number").first():
        try:
            return take(part, worker=worker, at=at)
        except TransitionRefused:
            # Another worker was quicker; the next one may be free.
            continue
    return None


@transaction.atomic
def take(part: Part, *, worker: str, at: dt.datetime) -> Part:
    """Raises: TransitionRefused where somebody else took it."""
    run, end = part.run, runs.lease_end(at)
    # Rows are locked in one order, the run before its parts, so that no two wait for each other.
    Run.objects.select_for_update().filter(pk=run.pk).first()
    move_part(part, "running", token=uuid4(), worker=worker, lease_expires_at=end, started_at=at, done=0)
    if run.state == "queued":
        move(run, "running", by=worker, at=at, worker=worker, token=uuid4(), lease_expires_at=end, started_at=at)
        move(run.submission, "running", by=worker, at=at)
    values = {"worker": worker, "stage": "merging"} if part.is_merging else {}
    runs.add_lines(run, f"{at:%H:%M:%S} {name_part(part)} taken by {worker}\n", lease_expires_at=end, **values)
    nudge_next(run, at=at)
    return part


def name_part(part: Part) -> str:
    return "merging" if part.is_merging else f"part {part.number}"


def tell_number(part: Part) -> str:
    return f"It was part {part.number} of the run each time."


def nudge_next(run: Run, *, at: dt.datetime) -> None:
    """Send one nudge where a part waits: idle workers take them up at once, busy ones find other runs before it."""
    if Part.objects.filter(run=run, state="queued").exists():
        Run.objects.filter(pk=run.pk).update(nudged_at=at)
        queue.nudge(run.pk, queue=run.queue)


def renew_lease(part_id: int, token: UUID, progress: Progress, lines: str, *, at: dt.datetime) -> bool:
    """Keep the lease and store how far the part, and with it the run, is; False where it was taken away."""
    is_counted = progress.stage == COUNTED
    values = {"done": progress.done} if is_counted else {}
    held = Part.objects.filter(pk=part_id, token=token, state="running")
    if not held.update(lease_expires_at=runs.lease_end(at), **values):
        return False
    part = held.select_related("run").first()
    if part is not None:
        marked = "".join(f"{line[:9]}{name_part(part)}: {line[9:]}" for line in lines.splitlines(keepends=True))
        runs.add_lines(part.run, marked, lease_expires_at=runs.lease_end(at))
        show_progress(part.run, progress, is_counted)
    return True


def show_progress(run: Run, progress: Progress, is_counted: bool) -> None:
    """Store what the submission's page shows: the sum over the parts, before it the first part's preparing."""
    shown = Run.objects.filter(pk=run.pk, state="running")
    if is_counted:
        sums = Part.objects.filter(run=OuterRef("pk"), is_merging=False).order_by().values("run")
        counts = sums.annotate(done_sum=Sum("done"), stop_max=Max("stop"))
        done, total = (Subquery(counts.values(name)) for name in ("done_sum", "stop_max"))
        shown.update(stage=progress.stage, done=done, total=total)
    elif not run.is_led:
        shown.update(stage=progress.stage, done=progress.done, total=progress.total)


def find_held(part_id: int, token: UUID) -> Part:
    """Return the part with its run locked, so that of two last parts one sees the other.

    Raises: TransitionRefused where the token no longer holds it.
    """
    part = Part.objects.select_related(*RELATED).filter(pk=part_id, token=token, state="running").first()
    if part is None:
        raise TransitionRefused("This part was taken away from its worker; what the worker found is dropped.")
    part.run = (
        Run.objects.select_for_update(of=("self",)).select_related("submission__benchmark__split").get(pk=part.run_id)
    )
    return part


@transaction.atomic
def record_report(
    part_id: int, token: UUID, report: EvaluationReport, outcomes: Path | None, *, at: dt.datetime
) -> None:
    """Keep what the part left, or publish what merging gave. Raises: TransitionRefused, ReportRefused."""
    part = find_held(part_id, token)
    run = part.run
    if part.is_merging:
        assert run.token is not None
        move_part(part, "finished", token=None, lease_expires_at=None, finished_at=at)
        runs.record_report(run.pk, run.token, report, outcomes, at=at)
        return
    assert outcomes is not None
    with outcomes.open("rb") as file:
        part.outcomes.save(f"{run.pk}-{part.number}-{token}.npz", File(file), save=False)
    ended = {"token": None, "lease_expires_at": None, "finished_at": at, "done": part.stop - part.start}
    move_part(part, "finished", outcomes=part.outcomes.name, **ended)
    if not run.is_led:
        run.pinned = {"sha256": report.weights["sha256"], "forward": report.environment.get("forward", "auto")}
        Run.objects.filter(pk=run.pk).update(pinned=run.pinned)
    runs.add_lines(run, f"{at:%H:%M:%S} {name_part(part)} finished by {part.worker}\n")
    release_parts(run)
    nudge_next(run, at=at)


@transaction.atomic
def record_fault(part_id: int, token: UUID, reason: str, *, at: dt.datetime) -> None:
    """Close the submission, all its parts with it: its file is at fault. Raises: TransitionRefused."""
    run = find_held(part_id, token).run
    assert run.token is not None
    runs.record_fault(run.pk, run.token, reason, at=at)


@transaction.atomic
def record_trouble(part_id: int, token: UUID, reason: str, *, at: dt.datetime) -> None:
    """Give the part back: we are at fault. Raises: TransitionRefused."""
    give_back(find_held(part_id, token), reason, by="worker", at=at)


@transaction.atomic
def record_lack(part_id: int, token: UUID, reason: str, *, at: dt.datetime) -> None:
    """Let the whole run start afresh, as its parts are computed in one way. Raises: TransitionRefused."""
    run = find_held(part_id, token).run
    assert run.token is not None
    runs.record_lack(run.pk, run.token, reason, at=at)


def give_back(part: Part, reason: str, *, by: str, at: dt.datetime) -> None:
    """Queue the part again; where it was lost too often, its run is the one that is lost, for an admin to look at."""
    losses, run = part.losses + 1, part.run
    runs.add_lines(run, f"{at:%H:%M:%S} {name_part(part)} lost by {part.worker}: {reason}\n")
    if losses >= settings.MAX_ATTEMPTS:
        told = f"{reason} {tell_number(part)}"
        runs.give_up(run, told, by=by, at=at, losses=losses)
        return
    move_part(part, "queued", token=None, lease_expires_at=None, losses=F("losses") + 1, done=0)
    nudge_next(run, at=at)


def reconcile(*, at: dt.datetime) -> int:
    """Take back parts whose lease ran out, and offer what was left waiting; return how many were lost."""
    expired = Part.objects.filter(state="running", lease_expires_at__lt=at).values_list("pk", "token")
    lost = sum(take_back(pk, token, at=at) for pk, token in expired if token is not None)
    for run in Run.objects.filter(state="running", parts__state="waiting").distinct():
        release_parts(run)
    give_up_without_gpu(at=at)
    return lost


def take_back(part_id: int, token: UUID, *, at: dt.datetime) -> bool:
    try:
        with transaction.atomic():
            part = find_held(part_id, token)
            give_back(part, "The worker stopped answering.", by="reconcile", at=at)
    except TransitionRefused:
        return False
    logger.warning("run %s, %s: lease of %s ran out", part.run_id, name_part(part), part.worker)
    return True


def give_up_without_gpu(*, at: dt.datetime) -> None:
    """Start runs afresh whose GPU workers are all gone; the CPU's parts would not be the GPU's to the last bit."""
    if is_gpu_alive(at=at):
        return
    left = Run.objects.filter(state="running", queue="gpu", parts__state="queued").distinct()
    for run in left.exclude(parts__state="running").select_related("submission__benchmark__split"):
        with contextlib.suppress(TransitionRefused), transaction.atomic():
            runs.give_up(run, "No GPU worker is alive any more.", by="reconcile", at=at)
