"""How long evaluations take and how long one waits for them, from what past runs took. None where nothing tells."""

import datetime as dt
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import (
    Aggregate,
    Avg,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce

from evaluation import catalogue
from leaderboard.models import Part, Run, Worker
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
    """A finished evaluation and how long one worker was busy with it, from the claim to the scores.

    Of one that was cut that is the sum over its parts, however many workers shared them.
    """

    work: Work
    seconds: float


@dataclass(frozen=True)
class Cut:
    """How far a run in parts is. `part_seconds`: what its finished parts took on average."""

    parts: int
    finished: int = 0
    running: int = 0
    part_seconds: float | None = None


@dataclass(frozen=True)
class Active:
    """A run that waits or is being evaluated."""

    work: Work
    queued_at: dt.datetime
    started_at: dt.datetime | None
    done: int
    total: int
    cut: Cut | None = None


@dataclass(frozen=True)
class Estimator:
    """The state of all queues at one moment."""

    past: Sequence[Past]
    active: Sequence[Active]
    workers: Counter[str]
    at: dt.datetime

    def estimate(self, work: Work) -> float | None:
        """Return how many seconds a worker is busy with it: as with the same, else by images, or size too."""
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
        """Return how many seconds a run takes from its beginning, or still takes."""
        if run.cut:
            return self.estimate_parts(run, run.cut)
        if run.started_at is None:
            return self.estimate(run.work)
        elapsed = (self.at - run.started_at).total_seconds()
        whole = self.estimate(run.work)
        share = run.done / run.total if run.total else 0
        # At first the images done say more about starting up than about the rate.
        if share > 0.15 or (whole is None and share > 0):
            return max(1.0, elapsed * (1 - share) / share)
        return max(1.0, whole - elapsed) if whole is not None else None

    def estimate_part(self, run: Active, cut: Cut) -> float | None:
        """Return how many seconds one part takes: as the finished ones did, else its share of the whole."""
        whole = self.estimate(run.work) if cut.part_seconds is None else None
        return whole / cut.parts if whole is not None else cut.part_seconds

    def estimate_parts(self, run: Active, cut: Cut) -> float | None:
        """Return how many seconds the rest takes: the first part alone, the others on as many workers as there are."""
        each = self.estimate_part(run, cut)
        if each is None:
            return None
        share = min(1.0, run.done / run.total) if run.total else 0.0
        left = cut.parts * (1 - share)
        alone = 0.0 if cut.finished else min(left, 1 - share * cut.parts)
        return max(1.0, each * (max(0.0, alone) + (left - max(0.0, alone)) / self.count_hands(run.work.queue, cut)))

    def count_hands(self, queue: str, cut: Cut) -> int:
        """Return how many workers can be at its parts at once, the first one set aside."""
        return max(1, min(self.workers[queue], cut.parts - max(1, cut.finished)))

    def spread(self, seconds: float, parts: int, queue: str) -> float:
        """Return how long it takes what keeps one worker busy for so long, cut into so many parts."""
        if parts < 2:
            return seconds
        return seconds / parts * (1 + (parts - 1) / self.count_hands(queue, Cut(parts)))

    def list_holds(self, run: Active) -> list[float | None]:
        """Return for how long the run keeps workers from one that is queued now: of a cut run each held part, and
        the next one, whose nudge stands in line already; what comes after that is queued behind."""
        if run.cut is None:
            return [self.estimate_rest(run)]
        each, cut = self.estimate_part(run, run.cut), run.cut
        # Those that are held are half done on average.
        held = [None if each is None else each / 2] * cut.running
        return held + [each] * (cut.finished + cut.running < cut.parts)

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
        rests = [rest for run in before for rest in self.list_holds(run)]
        if len(rests) < workers:
            return 0.0
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
    busy = Coalesce(tell_parts(Sum(TOOK)), F("finished_at") - F("started_at"), output_field=DurationField())
    past = [Past(Work(*row[:4]), row[4].total_seconds()) for row in finished.values_list(*names, busy)[:RUNS_READ]]
    waiting = with_parts(Run.objects.filter(state__in=["queued", "running"]))
    told = ("queued_at", "started_at", "done", "total", *PART_FACTS)
    active = [
        Active(Work(*row[:4]), row[4], row[5], row[6], row[7], read_cut(*row[8:]))
        for row in waiting.values_list(*names, *told)[: 10 * RUNS_READ]
    ]
    alive = Worker.objects.filter(seen_at__gte=at - SEEN_WITHIN).values_list("queues", flat=True)
    return Estimator(past, active, count_workers(alive), at)


PART_FACTS = ("part_count", "finished_count", "running_count", "part_took")
TOOK = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())


def tell_parts(fact: Aggregate) -> Subquery:
    """Return the fact of a run's parts, merging left out, for the rows that are read alone."""
    parts = Part.objects.filter(run=OuterRef("pk"), is_merging=False).order_by().values("run")
    return Subquery(parts.annotate(fact=fact).values("fact"))


def with_parts(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Return the runs, each with how far its parts are; all None where it is not cut."""
    return runs.annotate(
        part_count=tell_parts(Count("pk")),
        finished_count=tell_parts(Count("pk", filter=Q(state="finished"))),
        running_count=tell_parts(Count("pk", filter=Q(state="running"))),
        part_took=tell_parts(Avg(TOOK, filter=Q(state="finished"))),
    )


def read_cut(count: int | None, finished: int, running: int, took: dt.timedelta | None) -> Cut | None:
    return Cut(count, finished, running, took.total_seconds() if took else None) if count else None


def count_workers(queues: Iterable[Sequence[str]]) -> Counter[str]:
    return Counter(name for each in queues for name in each)
