"""How far a submission is."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q

from leaderboard.models import Run, Submission


@dataclass(frozen=True)
class SubmissionProgress:
    """How far a submission is: what its page, its API object and the polling fragment show."""

    state: str
    reason: str
    stage: str
    done: int
    total: int
    attempt: int
    queue_position: int | None
    # Of a run that is cut, else all 0.
    parts: int = 0
    parts_finished: int = 0
    parts_running: int = 0
    log: str = ""
    times: dict[str, dt.datetime] = field(default_factory=dict)

    @property
    def percent(self) -> int:
        return round(100 * self.done / self.total) if self.total else 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "done": self.done,
            "total": self.total,
            "percent": self.percent,
            "attempt": self.attempt,
            "queue_position": self.queue_position,
            "parts": self.parts,
            "parts_finished": self.parts_finished,
        }


def read_progress(submission: Submission) -> SubmissionProgress:
    """Return how far the submission is, with its latest run's stage, parts, log and place in the queue."""
    runs = submission.runs.annotate(
        part_count=Count("parts", filter=Q(parts__is_merging=False)),
        finished_count=Count("parts", filter=Q(parts__is_merging=False, parts__state="finished")),
        running_count=Count("parts", filter=Q(parts__state="running")),
    )
    run = runs.order_by("-attempt").first()
    if run is None:
        return SubmissionProgress(submission.state, submission.state_reason, "", 0, 0, 0, None)
    ahead = Run.objects.filter(state="queued", queue=run.queue, queued_at__lt=run.queued_at).count()
    times = {"submitted": submission.created_at, "queued": run.queued_at}
    times |= {"running": run.started_at} if run.started_at else {}
    times |= {"finished": run.finished_at} if run.finished_at else {}
    return SubmissionProgress(
        state=submission.state,
        reason=submission.state_reason,
        stage=run.stage,
        done=run.done,
        total=run.total,
        attempt=run.attempt,
        queue_position=ahead + 1 if run.state == "queued" else None,
        parts=run.part_count,
        parts_finished=run.finished_count,
        parts_running=run.running_count,
        log=run.log,
        times=times,
    )
