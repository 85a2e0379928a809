"""Which queue a run waits in: the GPU workers' where it is large and one of them is alive, else everybody's."""

import datetime as dt
import logging

from django.conf import settings
from django.db import transaction

from leaderboard import queue
from leaderboard.models import Part, Run, Submission
from leaderboard.services.running.cutting import cut_run, estimate
from leaderboard.services.running.workers import is_gpu_alive

logger = logging.getLogger(__name__)

LOOKED_AT = 50


def choose_queue(submission: Submission, *, has_gpu: bool) -> str:
    """Return the queue for the submission's next run; without a GPU nothing needs to be known of it."""
    if not has_gpu:
        return "cpu"
    work = estimate(submission)
    return "gpu" if work.samples * work.multiply_adds >= settings.GPU_MULTIPLY_ADDS else "cpu"


def reroute(*, at: dt.datetime) -> int:
    """Move runs that nobody has begun to where they belong now that GPU workers came or went; return how many."""
    has_gpu = is_gpu_alive(at=at)
    # Without a GPU nothing stays in its queue; with one, what waits elsewhere may be worth moving.
    waiting = Run.objects.filter(state="queued", queue="cpu" if has_gpu else "gpu").order_by("queued_at")
    moved = 0
    for run in waiting.select_related("submission")[:LOOKED_AT]:
        wanted = choose_queue(run.submission, has_gpu=has_gpu)
        moved += wanted != run.queue and move_queue(run, wanted)
    return moved


@transaction.atomic
def move_queue(run: Run, wanted: str) -> bool:
    """Move the run, with parts of the size that fits the other queue; False where somebody has begun it."""
    if not Run.objects.select_for_update().filter(pk=run.pk, state="queued").update(queue=wanted):
        return False
    logger.info("run %s: from queue %s to %s", run.pk, run.queue, wanted)
    run.queue = wanted
    Part.objects.filter(run=run).delete()
    cut_run(run)
    queue.nudge(run.pk, queue=wanted)
    return True
