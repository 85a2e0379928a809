"""How far a submission is."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from leaderboard.models import Run, Score, Submission
from leaderboard.queries.estimates import PART_FACTS, Active, Cut, Work, read_cut, read_estimator, with_parts


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
    # Seconds until it begins, of one that waits, and until it is done. None where nothing tells.
    wait_seconds: float | None = None
    rest_seconds: float | None = None
    log: str = ""
    times: dict[str, dt.datetime] = field(default_factory=dict)

    @property
    def waited_seconds(self) -> float | None:
        """How long the latest attempt waited in line, once it was begun."""
        return self.measure("queued", "running")

    @property
    def took_seconds(self) -> float | None:
        return self.measure("running", "finished")

    def measure(self, begin: str, end: str) -> float | None:
        if begin not in self.times or end not in self.times:
            return None
        return max(0.0, (self.times[end] - self.times[begin]).total_seconds())

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
            "starts_in_seconds": round_seconds(self.wait_seconds),
            "done_in_seconds": round_seconds(self.rest_seconds),
        }


def round_seconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


@dataclass(frozen=True)
class Expectation:
    """Seconds until a run begins, where it waits, and until it is done."""

    wait: float | None = None
    rest: float | None = None


def expect(run: Run, submission: Submission, cut: Cut | None, *, at: dt.datetime) -> Expectation:
    """Return what past runs and the queue tell of this one; nothing of one that has ended."""
    if run.state not in ("queued", "running"):
        return Expectation()
    estimator = read_estimator(at=at)
    samples = submission.benchmark.split.samples
    work = Work(submission.architecture, submission.benchmark_id, samples, run.queue)
    rest = estimator.estimate_rest(Active(work, run.queued_at, run.started_at, run.done, run.total, cut))
    if run.state == "running":
        return Expectation(rest=rest)
    wait = estimator.estimate_wait(run.queue, run.queued_at)
    return Expectation(wait, None if wait is None or rest is None else wait + rest)


def read_progress(submission: Submission, *, at: dt.datetime) -> SubmissionProgress:
    """Return how far the submission is, with its latest run's stage, parts, log, place in line and expected times."""
    run = with_parts(submission.runs.all()).order_by("-attempt").first()
    if run is None:
        return SubmissionProgress(submission.state, submission.state_reason, "", 0, 0, 0, None)
    ahead = Run.objects.filter(state="queued", queue=run.queue, queued_at__lt=run.queued_at).count()
    times = {"submitted": submission.created_at, "queued": run.queued_at}
    times |= {"running": run.started_at} if run.started_at else {}
    times |= {"finished": run.finished_at} if run.finished_at else {}
    cut = read_cut(*(getattr(run, name) for name in PART_FACTS))
    expectation = expect(run, submission, cut, at=at)
    return SubmissionProgress(
        state=submission.state,
        reason=submission.state_reason,
        stage=run.stage,
        done=run.done,
        total=run.total,
        attempt=run.attempt,
        queue_position=ahead + 1 if run.state == "queued" else None,
        parts=cut.parts if cut else 0,
        parts_finished=cut.finished if cut else 0,
        parts_running=cut.running if cut else 0,
        wait_seconds=expectation.wait,
        rest_seconds=expectation.rest,
        log=run.log,
        times=times,
    )


def with_outcomes(submissions: "QuerySet[Submission]") -> "QuerySet[Submission]":
    """Return the submissions, each with its board's first score and how far its latest attempt is, in one query."""
    first = Score.objects.filter(
        result__run__submission=OuterRef("pk"),
        metric__benchmark_metrics__benchmark=OuterRef("benchmark"),
        metric__benchmark_metrics__position=0,
    ).order_by("-result__created_at")
    latest = Run.objects.filter(submission=OuterRef("pk")).order_by("-attempt")
    return submissions.select_related("benchmark__split__dataset").annotate(
        score=Subquery(first.values("value")[:1]),
        score_label=Subquery(first.values("metric__label")[:1]),
        done=Subquery(latest.values("done")[:1]),
        total=Subquery(latest.values("total")[:1]),
    )
