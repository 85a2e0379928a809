"""Runs in parts: cut into them, ended with them, and the one function that moves a part."""

from functools import partial
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

from leaderboard import workload
from leaderboard.models import Part, Run, Submission
from leaderboard.services.storage import drop
from leaderboard.states import PART_TRANSITIONS, TransitionRefused, check_transition

UNFINISHED = tuple(state for state, ends in PART_TRANSITIONS.items() if ends)


class Work(NamedTuple):
    """How many images a submission is evaluated on, and the multiply-adds of one."""

    samples: int
    multiply_adds: int


def estimate(submission: Submission) -> Work:
    """Return what evaluating the submission takes, with one query."""
    facts = Submission.objects.filter(pk=submission.pk)
    ((samples, known),) = facts.values_list("benchmark__split__samples", "entry__model__multiply_adds")
    guess = workload.estimate_multiply_adds(submission.architecture, submission.weights_size_bytes, known)
    return Work(samples or 0, guess)


def guess_parts(architecture: str, samples: int | None) -> int:
    """Return into how many parts a run for a CPU will be cut, of which nothing is known but its architecture."""
    guess = workload.estimate_multiply_adds(architecture, None)
    return len(workload.cut(samples or 0, guess, most=settings.PART_MULTIPLY_ADDS, chunk=settings.CHUNK_IMAGES)) or 1


def cut_run(run: Run) -> None:
    """Store the parts of a run that is too large for one worker: its images, and the merging of all.

    The first alone is offered at once: it decides for all how the forward pass is computed.
    """
    samples, multiply_adds = estimate(run.submission)
    most = settings.PART_MULTIPLY_ADDS * (workload.GPU_FACTOR if run.queue == "gpu" else 1)
    bounds = workload.cut(samples, multiply_adds, most=most, chunk=settings.CHUNK_IMAGES)
    if not bounds:
        return
    parts = [Part(run=run, number=number, start=start, stop=stop) for number, (start, stop) in enumerate(bounds, 1)]
    parts[0].state = "queued"
    Part.objects.bulk_create([*parts, Part(run=run, number=len(parts) + 1, start=0, stop=samples, is_merging=True)])
    Run.objects.filter(pk=run.pk).update(total=samples)


def release_parts(run: Run) -> None:
    """Offer what waited for others: the further parts for the first one, merging for all of them."""
    waiting = Part.objects.filter(run=run, state="waiting")
    images = Part.objects.filter(run=run, is_merging=False)
    if run.is_led:
        waiting.filter(is_merging=False).update(state="queued")
    if not images.exclude(state="finished").exists():
        waiting.filter(is_merging=True).update(state="queued")


def move_part(part: Part, to: str, **values: Any) -> None:
    """Move the part and set `values` with it, conditional on the state and token that `part` was read with.

    The trail has the runs' moves; which worker did which part stands in the run's log. Raises: TransitionRefused.
    """
    check_transition(PART_TRANSITIONS, part.state, to)
    held = Part.objects.filter(pk=part.pk, state=part.state, token=part.token)
    if not held.update(state=to, **values):
        raise TransitionRefused(f"This part is no longer {part.state}.")
    for name, value in {"state": to, **values}.items():
        setattr(part, name, value)


def end_parts(run: Run) -> None:
    """Take the unfinished parts from whoever holds them, and drop what the finished ones left."""
    parts = Part.objects.filter(run=run)
    names = list(parts.exclude(outcomes="").values_list("outcomes", flat=True))
    parts.filter(state__in=UNFINISHED).update(state="cancelled", token=None, lease_expires_at=None)
    parts.exclude(outcomes="").update(outcomes="")
    transaction.on_commit(partial(drop, names))
