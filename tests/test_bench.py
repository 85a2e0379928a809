"""The benchmarks run."""

import pytest

from bench import statistics


def test_statistics_are_timed_against_their_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "MODELS", 30)
    monkeypatch.setattr(statistics, "SAMPLES", 500)
    rows = statistics.measure()
    assert len(rows) == 5
    assert all(len(row) == len(statistics.HEAD) for row in rows)
    # The smallest board meets the largest board's targets.
    assert {row[-1] for row in rows} == {"yes"}
