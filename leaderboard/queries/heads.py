"""What all pages of a board share, whatever they are narrowed to; read once for each version of the board.

A publication changes the facts alone: what is named around the board is read anew when one of these names has changed.
"""

import time
from dataclasses import dataclass, field, replace
from functools import cached_property

from leaderboard.models import Benchmark, BenchmarkMetric, BoardFacts, Metric
from leaderboard.versions import read_version

# What is written by `update()`, past all signals, shows after so long.
KEPT_SECONDS = 600
MOST_BOARDS = 1000
# Written out, as the ORM takes longer to build it than to run it.
FACTS = "SELECT * FROM leaderboard_boardfacts WHERE id = %s"
# By the board's slug. Only read, so that threads may share it.
_known: dict[str, "Head"] = {}


@dataclass(frozen=True, eq=False)
class Head:
    """A benchmark with its facts and its metrics, the ranking one first. `read_at` is when the names were read.

    No two are equal, so that what is made from one can be kept by it.
    """

    benchmark: Benchmark
    facts: BoardFacts
    metrics: tuple[Metric, ...]
    read_at: float = field(default_factory=time.monotonic)

    @cached_property
    def variants(self) -> tuple[Benchmark, ...]:
        """The boards of the same task and dataset under other protocols or on other splits, with this one."""
        dataset = self.benchmark.split.dataset_id
        same = Benchmark.objects.filter(task=self.benchmark.task_id, split__dataset=dataset)
        found = tuple(same.select_related("split", "protocol"))
        return found if len(found) > 1 else ()

    @property
    def is_recent(self) -> bool:
        return time.monotonic() <= self.read_at + KEPT_SECONDS


def benchmark_metrics(benchmark: Benchmark) -> tuple[Metric, ...]:
    """Return the benchmark's metrics, the ranking one first."""
    metrics = Metric.objects.filter(benchmark_metrics__benchmark=benchmark)
    return tuple(metrics.order_by("benchmark_metrics__position"))


def read_head(slug: str) -> Head | None:
    """Return the head of the board as it is stored, with one query; None where it has none yet."""
    return renew(slug) or read_all(slug)


def renew(slug: str) -> Head | None:
    """Return the head with the facts as they are stored, where its names have not changed since it was read."""
    head = _known.get(slug)
    if head is None or not head.is_recent:
        return None
    facts = next(iter(BoardFacts.objects.raw(FACTS, [head.facts.pk])), None)
    return replace(head, facts=facts) if facts and facts.names_version == head.facts.names_version else None


def read_all(slug: str) -> Head | None:
    related = ("benchmark__task", "benchmark__split__dataset", "benchmark__protocol", "benchmark__facts", "metric")
    rows = BenchmarkMetric.objects.filter(benchmark__slug=slug).select_related(*related).order_by("position")
    metrics = tuple(row.metric for row in rows)
    benchmark = rows[0].benchmark if metrics else Benchmark.objects.select_related("facts").filter(slug=slug).first()
    facts = getattr(benchmark, "facts", None)
    if benchmark is None or facts is None:
        return None
    return Head(benchmark, facts, metrics)


def find_kept(slug: str) -> Head | None:
    """Return the head as it was read before, where the board is still of that version."""
    head = _known.get(slug)
    if head is None or not head.is_recent:
        return None
    return head if read_version(slug) == head.facts.version else None


def keep(head: Head) -> None:
    """Keep it for the next readers of this process."""
    if len(_known) < MOST_BOARDS or head.benchmark.slug in _known:
        _known[head.benchmark.slug] = head


def forget_heads() -> None:
    """Forget all boards, as a process that has just started."""
    _known.clear()
