"""The evaluation that a researcher would write, as a yardstick: ImageFolder, PIL, DataLoader, eager float32.

Run as `python -m bench.reference IMAGES WEIGHTS ARCHITECTURE LOGITS.npy [WORKERS]`; prints one JSON object.
Source: torchvision's references/classification, train.py --test-only; for timm's architectures its validate.py with the
defaults of the device, on a GPU where one is here (the same parts of the libraries, the loops written anew).
"""

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import load_file
from timm.data.config import resolve_data_config
from timm.data.dataset_factory import create_dataset
from timm.data.loader import create_loader
from timm.utils.metrics import accuracy
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import get_model

# torchvision's script is measured on a CPU alone.
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load_model(architecture: str, weights: Path, classes: int) -> nn.Module:
    family, _, name = architecture.partition("/")
    make = timm.create_model if family == "timm" else get_model
    model: nn.Module = make(name, num_classes=classes)
    model.load_state_dict(load_file(weights))
    return model.eval()


def open_torchvision(images: Path) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    return DataLoader(ImageFolder(images, transforms.Compose(steps)), batch_size=64, num_workers=2)


def open_timm(model: nn.Module, images: Path, workers: int) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    config = resolve_data_config({}, model=model)  # type: ignore[no-untyped-call]
    names = ("input_size", "interpolation", "mean", "std", "crop_pct", "crop_mode")
    loader: Iterable[tuple[torch.Tensor, torch.Tensor]] = create_loader(
        create_dataset("", root=str(images)),
        batch_size=256,
        num_workers=workers,
        use_prefetcher=DEVICE.type == "cuda",
        device=DEVICE,
        **{name: config[name] for name in names},
    )
    return loader


@torch.inference_mode()
def evaluate(model: nn.Module, images: Path, logits: Path, workers: int | None) -> dict[str, float]:
    """Return the seconds that it took, model and imports not counted, and leave (N, classes) logits.

    `workers`: of timm's loader; torchvision's is used without.
    """
    if workers and DEVICE.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.benchmark = True
        model.to(DEVICE)(torch.randn(256, 3, 224, 224, device=DEVICE))
        torch.cuda.synchronize()
    outputs, top1, total, started = [], 0.0, 0, time.perf_counter()
    for batch, labels in open_timm(model, images, workers) if workers else open_torchvision(images):
        output = model(batch)
        first, _five = accuracy(output, labels, topk=(1, 5))  # type: ignore[no-untyped-call]
        top1 += float(first) * len(labels) / 100
        total += len(labels)
        outputs.append(output)
    seconds = time.perf_counter() - started
    np.save(logits, torch.cat(outputs).cpu().numpy())
    return {"seconds": seconds, "top1": round(top1), "total": total}


if __name__ == "__main__":
    folder, file, name, target, *wanted = sys.argv[1:]
    network = load_model(name, Path(file), len(list(Path(folder).iterdir())))
    timm_workers = int(wanted[0]) if wanted else 4
    used = timm_workers if name.startswith("timm/") else None
    print(json.dumps(evaluate(network, Path(folder), Path(target), used)))
