"""Train three small torchvision models on the digits, and save each in another of the formats that researchers publish.

Run as `python -m demo.training DIGITS OUT`: torch stays out of the process that leads the demo.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import get_model

MEAN = STD = 0.5
BATCH = 64
SEED = 8


@dataclass(frozen=True)
class Recipe:
    """How one model is trained and saved."""

    name: str
    architecture: str
    epochs: int
    learning_rate: float
    save: "Callable[[Training, Path], None]"
    file_name: str


@dataclass(frozen=True)
class Training:
    """What is in memory at the end of a training."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    epochs: int


@dataclass(frozen=True)
class Trained:
    """A trained model's file and the accuracy that its author measured, in percent of the test images."""

    name: str
    architecture: str
    file_name: str
    top1: float


def save_safetensors(training: Training, path: Path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in training.model.state_dict().items()}, path)


def save_state_dict(training: Training, path: Path) -> None:
    torch.save(training.model.state_dict(), path)


def save_checkpoint(training: Training, path: Path) -> None:
    """Save what a training script leaves: a wrapper, DataParallel's prefix, and the optimizer beside it."""
    weights = {f"module.{name}": tensor for name, tensor in training.model.state_dict().items()}
    optimizer = training.optimizer.state_dict()
    torch.save({"epoch": training.epochs, "state_dict": weights, "optimizer": optimizer}, path)


RECIPES = (
    Recipe("Digits ResNet-18", "torchvision/resnet18", 2, 2e-3, save_safetensors, "resnet18.safetensors"),
    Recipe(
        "Digits MobileNetV3-Small", "torchvision/mobilenet_v3_small", 6, 4e-3, save_state_dict, "mobilenet_v3_small.pth"
    ),
    Recipe(
        "Digits ShuffleNetV2-x0.5", "torchvision/shufflenet_v2_x0_5", 5, 4e-3, save_checkpoint, "shufflenet_v2_x0_5.pth"
    ),
)


def load_images(folder: Path) -> tuple[Tensor, Tensor]:
    """Return `(N, 3, 32, 32) float32` images and `(N,) int64` labels of an image folder."""
    files = sorted(folder.glob("*/*.png"))
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return (images - MEAN) / STD, torch.tensor([int(file.parent.name) for file in files])


def train(recipe: Recipe, images: Tensor, labels: Tensor) -> Training:
    torch.manual_seed(SEED)
    model = get_model(recipe.architecture.partition("/")[2], num_classes=10)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            # Some torchvision models average over hundreds of batches; here are a few dozen.
            module.momentum = 0.1
    steps = recipe.epochs * (len(images) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
    model.train()
    for _ in range(recipe.epochs):
        for batch in torch.randperm(len(images))[: len(images) // BATCH * BATCH].split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    return Training(model.eval(), optimizer, recipe.epochs)


@torch.inference_mode()
def measure_top1(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the accuracy in percent."""
    predictions = torch.cat([model(batch).argmax(1) for batch in images.split(BATCH)])
    return 100 * (predictions == labels).float().mean().item()


def make_model(recipe: Recipe, digits: Path, out: Path) -> Trained:
    # With one thread the figures are the same on every machine, and a busy machine slows nothing to a crawl.
    torch.set_num_threads(1)
    started = time.monotonic()
    training = train(recipe, *load_images(digits / "train"))
    recipe.save(training, out / recipe.file_name)
    top1 = round(measure_top1(training.model, *load_images(digits / "test")), 2)
    seconds = time.monotonic() - started
    print(f"  {recipe.name}: {top1:.2f} % in {seconds:.0f} s, saved as {recipe.file_name}", flush=True)
    return Trained(recipe.name, recipe.architecture, recipe.file_name, top1)


def train_all(digits: Path, out: Path) -> list[Trained]:
    """Train every recipe in a process of its own."""
    out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(len(RECIPES), mp_context=get_context("spawn")) as pool:
        return list(pool.map(make_model, RECIPES, repeat(digits), repeat(out)))


if __name__ == "__main__":
    results = train_all(Path(sys.argv[1]), Path(sys.argv[2]))
    (Path(sys.argv[2]) / "trained.json").write_text(json.dumps([asdict(model) for model in results], indent=2))
