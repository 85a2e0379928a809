"""Somebody at home recomputes an attested score from the evidence, with the standard library alone."""

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.contract import InputFault
from evaluation.engine.dataset import Dataset, Sample
from evaluation.engine.evidence import write_evidence
from evaluation.engine.metrics import Kind, classification, multilabel
from evaluation.verify import check_evidence

SAMPLES, CLASSES = 300, 4


def attest(kind: Kind, file: Path) -> dict[str, Any]:
    """Write evidence of coarse random scores and return what an attestation states of it."""
    random = np.random.default_rng(3)
    logits = random.normal(size=(SAMPLES, CLASSES)).round(1).astype(np.float32)
    labels = random.choice([1, 0, -1], p=[0.3, 0.1, 0.6], size=(SAMPLES, CLASSES)).astype(np.int32)
    labels[:, 3] = np.where(labels[:, 3] == 1, 0, labels[:, 3])  # a class that no image has
    outcomes = kind.judge(logits, labels if kind.DIMENSIONS == 2 else labels.argmax(axis=1).astype(np.int32))
    samples = tuple(Sample(f"{i}.png", 0, hashlib.sha256(b"%d" % i).hexdigest()) for i in range(SAMPLES))
    write_evidence(file, Dataset(file, samples, tuple("abcd"), "sha256:0"), outcomes)
    metrics = {key: vars(score) for key, score in kind.score(outcomes, kind.DEFAULTS).items()}
    return {
        "evidence": {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
        "report": {"metrics": metrics},
    }


def test_what_is_installed_to_repeat_a_score_checks_its_attestation_too() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert any(need.startswith("cryptography") for need in project["optional-dependencies"]["engine"])


@pytest.mark.parametrize("kind", [classification, multilabel])
def test_signed_scores_come_out_again(kind: Kind, tmp_path: Path) -> None:
    predicate = attest(kind, tmp_path / "evidence.npz")
    found = check_evidence(predicate, tmp_path / "evidence.npz")
    expected = {key: score["correct"] or score["value"] for key, score in predicate["report"]["metrics"].items()}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kind", "key", "field"), [(classification, "top1", "correct"), (multilabel, "map11", "value")]
)
def test_score_that_the_evidence_does_not_give_is_told(kind: Kind, key: str, field: str, tmp_path: Path) -> None:
    predicate = attest(kind, tmp_path / "evidence.npz")
    predicate["report"]["metrics"][key][field] += 1
    with pytest.raises(InputFault, match=f"The evidence gives .* for {key}, the attestation states"):
        check_evidence(predicate, tmp_path / "evidence.npz")


def test_evidence_of_another_kind_is_refused(tmp_path: Path) -> None:
    predicate = attest(classification, tmp_path / "evidence.npz")
    predicate["report"]["metrics"] = {"map": {"value": 50.0}}
    with pytest.raises(InputFault, match="is no evidence file"):
        check_evidence(predicate, tmp_path / "evidence.npz")
