"""The engine counts what torchvision's and timm's own ways to evaluate count, on the same images and weights."""

from pathlib import Path

import pytest
import timm
import torch
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform
from timm.utils.metrics import accuracy
from torch import nn
from torch.utils.data import DataLoader
from torchvision import models
from torchvision.datasets import ImageFolder
from torchvision.transforms._presets import ImageClassification

from evaluation.contract import DatasetSpec, EvaluationSpec, WeightsSpec
from evaluation.engine.pipeline import Folders, run


def calibrate(module: nn.Module, batch: torch.Tensor) -> None:
    """Fit the statistics to the images, and the last bias so that no class wins for all."""
    with torch.no_grad():
        for _ in range(10):
            module.train()(batch)
        head = [part for part in module.modules() if isinstance(part, nn.Linear)][-1]
        head.bias.sub_(module.eval()(batch).mean(dim=0))


@torch.inference_mode()
def count(module: nn.Module, folder: ImageFolder) -> tuple[int, int]:
    """Return correct top-1 and top-2 answers by timm's own measure over a plain loader."""
    first = second = 0.0
    for batch, labels in DataLoader(folder, batch_size=7):
        one, two = accuracy(module(batch), labels, topk=(1, 2))  # type: ignore[no-untyped-call]
        first, second = first + one.item() * len(labels) / 100, second + two.item() * len(labels) / 100
    return round(first), round(second)


def evaluate(module: nn.Module, architecture: str, images: Path, folder: Path) -> tuple[int, int]:
    torch.save(module.state_dict(), folder / "weights.pth")
    weights = WeightsSpec(str(folder / "weights.pth"), architecture)
    spec = EvaluationSpec(weights, DatasetSpec(str(images)), metrics=("top1", "top2"))
    report = run(spec, Folders(folder / "work", folder / "store"), lambda progress: None)
    first, second = (report.metrics[key].correct for key in ("top1", "top2"))
    assert first is not None
    assert second is not None
    return first, second


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_same_counts_as_the_librarys_own_evaluation(library: str, images: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    if library == "torchvision":
        module: nn.Module = models.resnet18(num_classes=3)
        transform = models.ResNet18_Weights.IMAGENET1K_V1.transforms()
        assert isinstance(transform, ImageClassification)
    else:
        module = timm.create_model("resnet18", num_classes=3)
        config = resolve_model_data_config(module, use_test_size=True)  # type: ignore[no-untyped-call]
        transform = create_transform(**config)
    folder = ImageFolder(images, transform)
    calibrate(module, torch.stack([image for image, _ in folder]))
    assert evaluate(module, f"{library}/resnet18", images, tmp_path) == count(module, folder)
