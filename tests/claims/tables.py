"""Claim tables out of the real files and out of plain numbers."""

from pathlib import Path

import pytest

from leaderboard.claims.lint import is_proportion
from leaderboard.claims.table import ClaimRow, ClaimTable, MetricRule, StatedScore, StatedWeights
from leaderboard.tables.document import ParsedBenchmark
from leaderboard.tables.reading import read_catalogue

DATA = Path(__file__).parents[2] / "../shared/data"


def read_benchmark(name: str, place: int = 0) -> ParsedBenchmark:
    """Return a benchmark of a real file, or skip the test where the file is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs {name}, which lies beside the project and is not part of it")
    catalogue = read_catalogue(path.read_bytes(), filename=path.name)
    return [benchmark for task in catalogue.tasks for benchmark in task.benchmarks][place]


def build_table(benchmark: ParsedBenchmark, *, samples: int | None = None, classes: int | None = None) -> ClaimTable:
    rows = tuple(
        ClaimRow(
            key=str(number),
            name=entry.model,
            scores={key: StatedScore(score.value, score.text) for key, score in entry.scores.items()},
            weights=tuple(StatedWeights(link.label, link.url) for link in entry.weights),
            code_urls=tuple(link.url for link in entry.codes),
        )
        for number, entry in enumerate(benchmark.entries, start=1)
    )
    rules = tuple(MetricRule(m.key, m.label, m.unit, m.direction, is_proportion(m.key)) for m in benchmark.metrics)
    return ClaimTable(rows, rules, samples, classes)


def write_table(
    *rows: dict[str, str], samples: int | None = None, classes: int | None = None, unit: str = "%"
) -> ClaimTable:
    """Return a table of top-1 and top-5 out of their digits."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return ClaimTable(
        rows=tuple(
            ClaimRow(str(number), f"model {number}", {k: StatedScore(float(text), text) for k, text in row.items()})
            for number, row in enumerate(rows, start=1)
        ),
        metrics=tuple(MetricRule(key, key, unit) for key in keys),
        samples=samples,
        classes=classes,
    )
