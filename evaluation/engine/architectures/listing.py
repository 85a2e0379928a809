"""Write the catalogue of architectures from the installed libraries."""

import json
from pathlib import Path

import timm
import torchvision
from torch import nn

from evaluation.engine.architectures import build_empty, list_names

CIFAR = (None, None, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "center")
IMAGENET = (256, 224, "bilinear", *CIFAR[3:])
# Caffe's networks take pixels from 0 to 255 less the channels' means.
CAFFE = (256, 224, "bilinear", (128 / 255, 117 / 255, 104 / 255), (1 / 255,) * 3, "center")
Published = tuple[int | None, int | None, str, tuple[float, ...], tuple[float, ...], str]


def find_published(name: str) -> Published:
    """Return the fields of a `Protocol`, in their order, as the library publishes them for its default weights."""
    family, _, short = name.partition("/")
    if family == "torchvision":
        weights = torchvision.models.get_model_weights(short)
        chosen = next(iter(weights)) if len(weights) else None
        if chosen is None:
            return IMAGENET
        # The first published weights, not the latest: names without a version mean these.
        how = chosen.transforms()
        return how.resize_size[0], how.crop_size[0], how.interpolation.value, tuple(how.mean), tuple(how.std), "center"
    if family == "timm":
        return read_timm(short)
    if family == "own":
        return find_own(short)
    return CIFAR


def find_own(short: str) -> Published:
    if short.endswith("_plain"):
        return find_published(f"torchvision/{short.removesuffix('_plain')}")
    return CAFFE if short == "bn_inception" else IMAGENET


def read_timm(short: str) -> Published:
    config = timm.get_pretrained_cfg(short)
    if config is None:
        return IMAGENET
    # Five feature extractors were trained on upright images; as classifiers they publish nothing, and get squares.
    side = (config.test_input_size or config.input_size)[-1]
    share = config.test_crop_pct or config.crop_pct or 0.875
    crop_mode = config.crop_mode or "center"
    return int(side / share), side, config.interpolation, tuple(config.mean), tuple(config.std), crop_mode


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def describe(name: str) -> list[object] | None:
    """Return the row of one architecture, None where the library cannot build it as it is."""
    try:
        module = build_empty(name)
    # timm lists some names whose construction needs an extra package or real tensors.
    except Exception:
        return None
    return [count_parameters(module), *find_published(name)]


def write_catalogue(path: Path) -> None:
    """Describe every architecture and put the file in place."""
    rows = {name: row for name in list_names() if (row := describe(name)) is not None}
    lines = (f"{json.dumps(name)}: {json.dumps(row, separators=(',', ':'))}" for name, row in rows.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(rows)} architectures")
