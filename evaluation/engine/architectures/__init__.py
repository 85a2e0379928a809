"""Names of architectures to modules: torchvision's, timm's, and our own definitions."""

from torch import nn

from evaluation.contract import InputFault
from evaluation.engine.architectures import cifar, published

FAMILIES = {"cifar": cifar, "torchvision": published.TORCHVISION, "timm": published.TIMM}


def split_name(name: str) -> tuple[str, str]:
    """Return family and name of `family/name`. Raises: InputFault."""
    family, slash, short = name.partition("/")
    if not slash or family not in FAMILIES:
        families = ", ".join(f"{family}/…" for family in FAMILIES)
        raise InputFault(f"The architecture {name!r} is unknown; names look like torchvision/resnet50 ({families}).")
    return family, short


def build(name: str, classes: int | None = None) -> nn.Module:
    """Return the module with random weights, its head for `classes` outputs (None: as published).

    Raises: InputFault where there is no such architecture.
    """
    family, short = split_name(name)
    return FAMILIES[family].build(short, classes)


def list_names() -> list[str]:
    """Return every architecture's name, sorted."""
    return sorted(f"{family}/{short}" for family, source in FAMILIES.items() for short in source.list_names())
