"""Names of architectures to modules: torchvision's, timm's, and our own definitions.

A family's library takes seconds to import, so it is imported when one of its names is first asked for.
"""

from importlib import import_module
from typing import Protocol, cast

from torch import nn

from evaluation.contract import InputFault

FAMILIES = ("cifar", "timm", "torchvision")


class Family(Protocol):
    """What each module of a family offers."""

    def build(self, name: str, classes: int | None) -> nn.Module: ...

    def list_names(self) -> list[str]: ...


def open_family(family: str) -> Family:
    return cast(Family, import_module(f"{__name__}.{family}"))


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
    return open_family(family).build(short, classes)


def list_names() -> list[str]:
    """Return every architecture's name, sorted."""
    return sorted(f"{family}/{short}" for family in FAMILIES for short in open_family(family).list_names())
