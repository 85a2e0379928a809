"""Images and weights of the storm, `python -m bench.chaos.files FOLDER`: digits, random weights, one of them with NaN.

A process of its own, as only this needs torch.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from demo.digits import write_digits
from evaluation.engine.architectures import build

# Small enough for a fraction of a second, with chunks between which a kill can hit.
IMAGES_A_CLASS = 10
SMALL, DEEP = "cifar/resnet20", "cifar/resnet56"
SMALL_FILES, DEEP_FILES = 5, 2
MEAN = STD = "0.5,0.5,0.5"


def write_images(folder: Path) -> None:
    """Write a few of the digits that the demo evaluates on."""
    write_digits(folder)
    for label in (folder / "test").iterdir():
        for image in sorted(label.iterdir())[IMAGES_A_CLASS:]:
            image.unlink()


def write_weights(folder: Path) -> None:
    for number in range(SMALL_FILES + DEEP_FILES):
        torch.manual_seed(number)
        architecture = SMALL if number < SMALL_FILES else DEEP
        save_file(build(architecture, 10).state_dict(), folder / f"{name_file(architecture)}-{number}.safetensors")
    state = build(SMALL, 10).state_dict()
    state["bn1.weight"][0] = float("nan")
    save_file(state, folder / "nan.safetensors")


def name_file(architecture: str) -> str:
    return architecture.partition("/")[2]


if __name__ == "__main__":
    write_images(Path(sys.argv[1]) / "digits")
    write_weights(Path(sys.argv[1]))
