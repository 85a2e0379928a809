"""How long evaluations take and how long one waits for them, from what past runs took. None where nothing tells."""

import datetime as dt
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evaluation import catalogue
from leaderboard.models import Run, Worker
from leaderboard.queries.workers import SEEN_WITHIN

# Machines and engine change, so the latest runs tell more than all of them.
RUNS_READ = 200
RUNS_COUNTED = 5
USUAL_SIDE = 224


@dataclass(frozen=True)
class Work:
    """What is evaluated: which network on how many images, and in which queue it waits."""

    architecture: str
    benchmark_id: int
    samples: int | None
    queue: str


@dataclass(frozen=True)
class Past:
    """A finished evaluation and how long it took, everything from the claim to the scores included."""

    work: Work
    seconds: float


@dataclass(frozen=True)
class Active:
    """A run that waits or is being evaluated."""

    work: Work
    queued_at: dt.datetime
    started_at: dt.datetime | None
    done: int
    total: int


@dataclass(frozen=True)
class Estimator:
    """The state of all queues at one moment."""

    past: Sequence[Past]
    active: Sequence[Active]
    workers: Counter[str]
    at: dt.datetime

    def estimate(self, work: Work) -> float | None:
        """Return how many seconds it takes: what the same took, else by images, else by the network's size too."""
        kin = [each for each in self.past if each.work.queue == work.queue]
        same = [each for each in kin if each.work.architecture == work.architecture]
        exact = [each.seconds for each in same if each.work.benchmark_id == work.benchmark_id]
        if exact:
            return statistics.median(exact[:RUNS_COUNTED])
        rates = [each.seconds / each.work.samples for each in same if each.work.samples]
        if rates and work.samples:
            return work.samples * statistics.median(rates[:RUNS_COUNTED])
        cost = reckon_cost(work)
        known = [(each.seconds, other) for each in kin if (other := reckon_cost(each.work))]
        if not cost or not known:
            return None
        # What each run costs beside its forward passes is in the shortest of them.
        least = min(seconds for seconds, _other in known)
        return max(least, cost * statistics.median(seconds / other for seconds, other in known))

    def estimate_rest(self, run: Active) -> float | None:
        """Return how many seconds a run that has begun still takes."""
        if run.started_at is None:
            return self.estimate(run.work)
        elapsed = (self.at - run.started_at).total_seconds()
        whole = self.estimate(run.work)
        share = run.done / run.total if run.total else 0
        # At first the images done say more about starting up than about the rate.
        if share > 0.15 or (whole is None and share > 0):
            return max(1.0, elapsed * (1 - share) / share)
        return max(1.0, whole - elapsed) if whole is not None else None

    def estimate_wait(self, queue: str, queued_at: dt.datetime | None = None) -> float | None:
        """Return after how many seconds a run of this queue begins, queued then or now. None where nothing tells."""
        workers = self.workers[queue]
        if not workers:
            return None
        before = [
            run
            for run in self.active
            if run.work.queue == queue and (run.started_at or queued_at is None or run.queued_at < queued_at)
        ]
        if len(before) < workers:
            return 0.0
        rests = [self.estimate_rest(run) for run in before]
        known = [rest for rest in rests if rest is not None]
        usual = statistics.median(known) if known else self.usual(queue)
        if usual is None:
            return None
        return sum(usual if rest is None else rest for rest in rests) / workers

    def usual(self, queue: str) -> float | None:
        seconds = [each.seconds for each in self.past if each.work.queue == queue]
        return statistics.median(seconds) if seconds else None


def reckon_cost(work: Work) -> float | None:
    """Return a number that grows with the work: images times parameters times the area that each looks at."""
    found = catalogue.find(work.architecture)
    if found is None or not work.samples:
        return None
    return work.samples * found.parameters * (found.protocol.crop or USUAL_SIDE) ** 2


def read_estimator(*, at: dt.datetime) -> Estimator:
    """Return the estimator, with three queries."""
    names = ("submission__architecture", "submission__benchmark_id", "submission__benchmark__split__samples", "queue")
    finished = Run.objects.filter(state="verified", started_at__isnull=False).order_by("-finished_at")
    past = [
        Past(Work(*row[:4]), (row[5] - row[4]).total_seconds())
        for row in finished.values_list(*names, "started_at", "finished_at")[:RUNS_READ]
    ]
    waiting = Run.objects.filter(state__in=["queued", "running"])
    active = [
        Active(Work(*row[:4]), *row[4:])
        for row in waiting.values_list(*names, "queued_at", "started_at", "done", "total")[: 10 * RUNS_READ]
    ]
    alive = Worker.objects.filter(seen_at__gte=at - SEEN_WITHIN).values_list("queues", flat=True)
    return Estimator(past, active, count_workers(alive), at)


def count_workers(queues: Iterable[Sequence[str]]) -> Counter[str]:
    return Counter(name for each in queues for name in each)
