"""How far a submission is."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

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
        }


def read_progress(submission: Submission) -> SubmissionProgress:
    """Return how far the submission is, with its latest run's stage, log and place in the queue."""
    run = submission.runs.order_by("-attempt").first()
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
        log=run.log,
        times=times,
    )
