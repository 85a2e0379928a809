"""Real weights on real images: the truth is known to the last image."""

import json
from pathlib import Path

import pytest

from tests.engine.conftest import Engine


@pytest.mark.slow
def test_resnet20_scores_its_known_counts_on_cifar10(engine: Engine, shared_data: Path, tmp_path: Path) -> None:
    folder, report = shared_data / "cifar10", tmp_path / "report.json"
    outcome = engine(
        *("evaluate", "--dataset", folder / "test.tar.gz", "--weights", folder / "resnet20-12fca82f.th"),
        *("--architecture", "cifar/resnet20", "--output", report),
    )
    assert (outcome.status, outcome.errors) == (0, "")
    metrics = json.loads(report.read_text())["metrics"]
    assert {key: (score["correct"], score["total"]) for key, score in metrics.items()} == {
        "top1": (8103, 10_000),
        "top5": (9872, 10_000),
    }
    assert (metrics["top1"]["value"], round(metrics["top1"]["low"], 2)) == (81.03, 80.25)
