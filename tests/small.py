"""A dataset and weights that are evaluated in a second."""

from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.torch import save_file

from evaluation.engine.architectures import build

CLASSES = 10
ARCHITECTURE = "cifar/resnet20"


def write_images(folder: Path) -> Path:
    """Write ten classes of four small images each."""
    random = np.random.default_rng(7)
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir(parents=True)
        for number in range(4):
            pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"class-{label}" / f"{number}.png")
    return folder


def write_weights(path: Path, architecture: str = ARCHITECTURE) -> Path:
    """Write random weights of the architecture."""
    save_file(build(architecture).state_dict(), path)
    return path
