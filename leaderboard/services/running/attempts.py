"""A submission's attempts: the next one queued, what is under way ended."""

import datetime as dt

from django.db import transaction

from leaderboard import queue
from leaderboard.models import Result, Run, Submission
from leaderboard.services import audit
from leaderboard.services.running.cutting import cut_run, end_parts
from leaderboard.services.running.routing import choose_queue
from leaderboard.services.running.transitions import move
from leaderboard.services.running.workers import is_gpu_alive


@transaction.atomic
def enqueue(
    submission: Submission,
    *,
    by: audit.Actor,
    at: dt.datetime,
    reason: str = "",
    losses: int = 0,
    forward: str | None = None,
) -> Run:
    """Queue the next attempt; `losses` of the attempts before it were lost. `forward`: the one that it is bound to.

    Raises: TransitionRefused.
    """
    move(submission, "queued", by=by, at=at, reason=reason)
    last = submission.runs.order_by("-attempt").values_list("attempt", flat=True).first() or 0
    wanted = choose_queue(submission, has_gpu=is_gpu_alive(at=at))
    run = Run.objects.create(
        submission=submission,
        attempt=last + 1,
        losses=losses,
        queue=wanted,
        pinned={"forward": forward} if forward else {},
        queued_at=at,
        nudged_at=at,
    )
    cut_run(run)
    queue.nudge(run.pk, queue=run.queue)
    return run


@transaction.atomic
def cancel(submission: Submission, *, by: audit.Actor, at: dt.datetime, reason: str = "") -> None:
    """End the submission; a worker that runs it sees its lease refused and stops. Raises: TransitionRefused."""
    close(submission, "cancelled", by=by, at=at, reason=reason)


def settle_at(submission: Submission, state: str) -> str:
    """Return where the submission ends: a further attempt that comes to nothing leaves a standing result as it is."""
    is_standing = Result.objects.filter(run__submission=submission, retracted_at=None).exists()
    # What is verified already goes on nowhere: it is refused what was asked for.
    return "verified" if is_standing and submission.state != "verified" else state


@transaction.atomic
def close(submission: Submission, state: str, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Move an unfinished submission to a final state and take its active run away from whoever holds it."""
    # Workers lock the run before its submission; here too, so that no two wait for each other.
    list(submission.runs.select_for_update().filter(state__in=["queued", "running"]))
    move(submission, settle_at(submission, state), by=by, at=at, reason=reason)
    for run in submission.runs.filter(state__in=["queued", "running"]):
        move(run, "cancelled", by=by, at=at, reason=reason, token=None, finished_at=at)
        end_parts(run)
