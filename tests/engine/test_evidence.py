import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.engine.dataset import Dataset, Sample
from evaluation.engine.evidence import read_evidence, write_evidence
from evaluation.engine.metrics.classification import judge
from tests.engine.conftest import Engine

SAMPLES = 40


def write(path: Path, seed: int, offset: int = 0) -> None:
    """Write the evidence of random logits on samples whose digests begin at `offset`."""
    samples = tuple(Sample(f"{i:03}.png", i % 4, f"{i + offset:064x}"[::-1]) for i in range(SAMPLES))
    logits = np.random.default_rng(seed).normal(size=(SAMPLES, 4)).astype(np.float32)
    labels = np.array([sample.label for sample in samples], np.int32)
    write_evidence(path, Dataset(path, samples, tuple("abcd"), "sha256:0"), judge(logits, labels))


def test_comparison_counts_who_alone_is_right(here: Engine, tmp_path: Path) -> None:
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    write(first, 1)
    write(second, 2)
    right, other = (read_evidence(path)["rank"] == 0 for path in (first, second))
    facts = json.loads(here("compare", first, second).output)
    assert facts["only_first"] == int(np.sum(right & ~other)) > 0
    assert facts["only_second"] == int(np.sum(~right & other)) > 0
    assert facts["samples"] == SAMPLES == sum(facts[key] for key in ("both", "neither", "only_first", "only_second"))
    assert 0 < facts["p_value"] <= 1
    assert facts["difference"] == pytest.approx(100 * (right.mean() - other.mean()))
    assert facts["low"] < facts["difference"] < facts["high"]


def test_comparing_a_run_with_itself_finds_no_difference(here: Engine, tmp_path: Path) -> None:
    write(tmp_path / "run.npz", 1)
    facts = json.loads(here("compare", tmp_path / "run.npz", tmp_path / "run.npz").output)
    assert (facts["only_first"], facts["only_second"], facts["p_value"]) == (0, 0, 1.0)


def test_runs_on_other_samples_are_not_compared(here: Engine, tmp_path: Path) -> None:
    write(tmp_path / "run.npz", 1)
    write(tmp_path / "other.npz", 1, offset=1)
    outcome = here("compare", tmp_path / "run.npz", tmp_path / "other.npz")
    assert outcome.status == 2
    assert "different samples" in outcome.errors


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + bytes(60)])
def test_file_that_is_no_evidence_is_refused(here: Engine, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.npz").write_bytes(content)
    outcome = here("compare", tmp_path / "run.npz", tmp_path / "run.npz")
    assert outcome.status == 2
    assert outcome.errors.startswith("run.npz is no evidence file")
