"""Networks with random weights whose answers depend on the image, and what a researcher's own loop makes of them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder

from evaluation.engine import architectures
from evaluation.engine.job import Job

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RESIZE, CROP = 40, 32
PROTOCOL = ("--resize", str(RESIZE), "--crop", str(CROP), "--interpolation", "bilinear")


def make_network(architecture: str, classes: int) -> nn.Module:
    """Return a network whose statistics and last bias fit noise, so that no class wins for every image."""
    torch.manual_seed(0)
    module, noise = architectures.build(architecture, classes).train(), torch.randn(32, 3, CROP, CROP)
    head = [part for part in module.modules() if isinstance(part, nn.Linear)][-1]
    with torch.no_grad():
        for _ in range(10):
            module(noise)
        head.bias.sub_(module.eval()(noise).mean(dim=0))
    return module


def make_job(folder: Path, images: int, chunk: int, device: str) -> Job:
    """Return the job of a small network with three outputs on so many images of noise, all in this folder."""
    torch.save(make_network("cifar/resnet20", 3).state_dict(), folder / "weights.pth")
    np.save(folder / "pixels.npy", np.random.default_rng(0).integers(0, 256, (images, CROP, CROP, 3), dtype=np.uint8))
    (folder / "predictions").mkdir()
    return Job(
        weights=str(folder / "weights.pth"),
        architecture="cifar/resnet20",
        pixels=str(folder / "pixels.npy"),
        predictions=str(folder / "predictions"),
        side=CROP,
        background="none",
        mean=MEAN,
        std=STD,
        device=device,
        precision="float32",
        forward="auto",
        batch_size=None,
        chunk=chunk,
    )


def reference_transform() -> transforms.Compose:
    steps = [transforms.Resize(RESIZE), transforms.CenterCrop(CROP), transforms.ToTensor()]
    return transforms.Compose([*steps, transforms.Normalize(MEAN, STD)])


@torch.inference_mode()
def predict_eagerly(module: nn.Module, images: Path) -> npt.NDArray[np.int64]:
    """Return the (N, classes) class indices, best first, of an ImageFolder in its order."""
    samples = [image for image, _ in ImageFolder(images, reference_transform())]
    order: npt.NDArray[np.int64] = module(torch.stack(samples)).argsort(dim=1, descending=True, stable=True).numpy()
    return order
