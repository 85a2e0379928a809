"""What all pages of a board share, whatever they are narrowed to; read once for each version of the board."""

import time
from dataclasses import dataclass, field

from leaderboard.models import Benchmark, BenchmarkMetric, BoardFacts, Metric
from leaderboard.versions import read_version

# What is written by `update()`, past all signals, shows after so long.
KEPT_SECONDS = 600
MOST_BOARDS = 1000
# By the board's slug. Only read, so that threads may share it.
_known: dict[str, "Head"] = {}


@dataclass(frozen=True)
class Head:
    """A benchmark with its facts, its metrics, the ranking one first, and its like under other protocols or splits."""

    benchmark: Benchmark
    facts: BoardFacts
    metrics: tuple[Metric, ...]
    variants: tuple[Benchmark, ...]
    read_at: float = field(default_factory=time.monotonic)


def benchmark_metrics(benchmark: Benchmark) -> tuple[Metric, ...]:
    """Return the benchmark's metrics, the ranking one first."""
    metrics = Metric.objects.filter(benchmark_metrics__benchmark=benchmark)
    return tuple(metrics.order_by("benchmark_metrics__position"))


def read_head(slug: str) -> Head | None:
    """Return the head of the board as it is stored, with two queries; None where it has none yet."""
    related = ("benchmark__task", "benchmark__split__dataset", "benchmark__protocol", "benchmark__facts", "metric")
    rows = BenchmarkMetric.objects.filter(benchmark__slug=slug).select_related(*related).order_by("position")
    metrics = tuple(row.metric for row in rows)
    benchmark = rows[0].benchmark if metrics else Benchmark.objects.select_related("facts").filter(slug=slug).first()
    facts = getattr(benchmark, "facts", None)
    if benchmark is None or facts is None:
        return None
    return Head(benchmark, facts, metrics, list_variants(benchmark))


def list_variants(benchmark: Benchmark) -> tuple[Benchmark, ...]:
    """Return the boards of the same task and dataset under other protocols or on other splits, with this one."""
    same = Benchmark.objects.filter(task=benchmark.task_id, split__dataset=benchmark.split.dataset_id)
    found = tuple(same.select_related("split", "protocol"))
    return found if len(found) > 1 else ()


def find_kept(slug: str) -> Head | None:
    """Return the head as it was read before, where the board is still of that version."""
    head = _known.get(slug)
    if head is None or time.monotonic() > head.read_at + KEPT_SECONDS:
        return None
    return head if read_version(slug) == head.facts.version else None


def keep(head: Head) -> None:
    """Keep it for the next readers of this process."""
    if len(_known) < MOST_BOARDS or head.benchmark.slug in _known:
        _known[head.benchmark.slug] = head


def forget_heads() -> None:
    """Forget all boards, as a process that has just started."""
    _known.clear()
