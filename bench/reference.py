"""The evaluation that a researcher would write, as a yardstick: ImageFolder, PIL, DataLoader, eager float32.

Run as `python -m bench.reference IMAGES WEIGHTS ARCHITECTURE`; prints one JSON object.
Source: torchvision's references/classification, train.py --test-only (the same parts, written anew).
"""

import json
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from torchvision.models import get_model

BATCH, LOADERS = 64, 2
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load_model(architecture: str, weights: Path, classes: int) -> nn.Module:
    state = load_file(weights)
    model: nn.Module = get_model(architecture.partition("/")[2], num_classes=classes)
    model.load_state_dict(state)
    model.eval()
    return model


@torch.inference_mode()
def evaluate(model: nn.Module, images: Path) -> dict[str, float]:
    """Return correct answers and the seconds that they took, model and imports not counted."""
    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    started = time.perf_counter()
    loader = DataLoader(ImageFolder(images, transforms.Compose(steps)), batch_size=BATCH, num_workers=LOADERS)
    top1 = top5 = total = 0
    for batch, labels in loader:
        best = model(batch).topk(5).indices
        hits = best == labels[:, None]
        top1, top5, total = top1 + int(hits[:, 0].sum()), top5 + int(hits.any(1).sum()), total + len(labels)
    return {"seconds": time.perf_counter() - started, "top1": top1, "top5": top5, "total": total}


if __name__ == "__main__":
    folder, file, name = sys.argv[1:]
    print(json.dumps(evaluate(load_model(name, Path(file), len(list(Path(folder).iterdir()))), Path(folder))))
