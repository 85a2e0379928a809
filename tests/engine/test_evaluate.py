"""The command line evaluates weights as a researcher's own loop does, whatever the file looks like."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder

from evaluation.contract import EvaluationReport
from evaluation.engine.evidence import read_evidence
from tests.engine.conftest import Engine
from tests.engine.networks import MEAN, PROTOCOL, STD, make_network, predict_eagerly, reference_transform

LABELS = np.repeat(np.arange(3), 6)


def save_safetensors(module: nn.Module, path: Path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in module.state_dict().items()}, path)


def save_state_dict(module: nn.Module, path: Path) -> None:
    torch.save(module.state_dict(), path)


def save_old_state_dict(module: nn.Module, path: Path) -> None:
    torch.save(module.state_dict(), path, _use_new_zipfile_serialization=False)


def save_checkpoint(module: nn.Module, path: Path) -> None:
    """Save what a training script leaves: a wrapper, DataParallel's prefix, and the optimizer beside it."""
    state = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    torch.save({"epoch": 90, "best_prec1": 91.7, "state_dict": state, "optimizer": optimizer.state_dict()}, path)


CASES = [
    ("torchvision/regnet_y_400mf", save_safetensors, "safetensors"),
    ("cifar/resnet20", save_safetensors, "safetensors"),
    ("cifar/resnet20", save_state_dict, "state_dict"),
    ("cifar/resnet20", save_old_state_dict, "state_dict"),
    ("cifar/resnet20", save_checkpoint, "state_dict"),
]


@pytest.mark.parametrize(("architecture", "save", "kind"), CASES)
def test_every_format_scores_as_the_eager_loop(
    architecture: str,
    save: Callable[[nn.Module, Path], None],
    kind: str,
    engine: Engine,
    images: Path,
    tmp_path: Path,
) -> None:
    module = make_network(architecture, 3)
    weights, report_file, evidence_file = (tmp_path / name for name in ("weights", "report.json", "evidence.npz"))
    save(module, weights)
    arguments = ("--dataset", images, "--weights", weights, "--architecture", architecture, *PROTOCOL)
    outcome = engine("evaluate", *arguments, "--output", report_file, "--evidence", evidence_file)
    assert (outcome.status, outcome.errors) == (0, "")

    best = predict_eagerly(module, images)
    assert len(set(best[:, 0].tolist())) > 1, "a network that answers alike to all proves nothing"
    assert read_evidence(evidence_file)["top"].tolist() == best.tolist()
    report = EvaluationReport.from_json(report_file.read_text())
    assert report.metrics["top1"].correct == (best[:, 0] == LABELS).sum()
    assert report.metrics["top5"].correct == 18
    assert report.weights["format"] == kind
    assert report.weights["parameters"] == sum(parameter.numel() for parameter in module.parameters())
    assert report.weights["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_report_has_the_contracts_fields(engine: Engine, images: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    save_state_dict(make_network("cifar/resnet20", 3), weights)
    arguments = ("--dataset", images, "--weights", weights, "--architecture", "cifar/resnet20", *PROTOCOL)
    report = json.loads(engine("evaluate", *arguments, "--output", "-", "--evidence", tmp_path / "evidence.npz").output)
    assert report["evidence"]
    assert report["schema_version"] == 1
    assert set(report["metrics"]) == {"top1", "top5"}
    for score in report["metrics"].values():
        assert 0 <= score["low"] <= score["value"] <= score["high"] <= 100
        assert score["value"] == pytest.approx(100 * score["correct"] / 18)
        assert score["total"] == 18
    expected = {"sha256", "content_sha256", "format", "architecture", "parameters", "multiply_adds"}
    assert set(report["weights"]) == expected
    assert report["weights"]["architecture"] == "cifar/resnet20"
    digests = {"digest": digest_folder(images), "pixels_digest": digest_pixels(images)}
    assert report["dataset"] == {"samples": 18, "classes": 3, **digests}
    assert report["protocol"] == {
        "resize": 40,
        "crop": 32,
        "interpolation": "bilinear",
        "mean": list(MEAN),
        "std": list(STD),
        "crop_mode": "center",
    }
    assert report["timing"]["images_per_second"] > 0
    assert report["timing"]["seconds"]["total"] >= report["timing"]["seconds"]["forward"] > 0
    assert report["environment"]["device"]
    # The predictor holds torch at least.
    assert 100_000_000 < report["environment"]["peak_memory_bytes"] < 10_000_000_000
    assert {"per_class", "confusion", "confused", "calibration_error", "near_ties"} <= set(report["analysis"])
    assert {"predictions", "bytes", "samples", "outcomes"} == set(report["evidence"])
    assert report["environment"]["packages"]["torch"]


def digest_pixels(folder: Path) -> str:
    """Return the digest as its definition says: of the shape and what the reference's transform gives."""
    transform = transforms.Compose(reference_transform().transforms[:2])
    pixels = np.stack([np.asarray(image) for image, _ in ImageFolder(folder, transform)])
    return "sha256:" + hashlib.sha256(json.dumps(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def digest_folder(folder: Path) -> str:
    """Return the digest as its definition says: sha256 over `path NUL sha256 LF` in order of the paths."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    lines = (f"{name}\0{hashlib.sha256((folder / name).read_bytes()).hexdigest()}\n" for name in files)
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()
