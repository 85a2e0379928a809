"""Architectures of torchvision and timm, by their own names."""

import difflib
import functools
from collections.abc import Callable
from dataclasses import dataclass

import timm
import torchvision
from torch import nn

from evaluation.contract import InputFault

# These train with auxiliary heads that evaluation drops; their random initialisation takes seconds and is overwritten.
AUXILIARY = {"googlenet", "inception_v3"}


@dataclass(frozen=True)
class Source:
    """A library of architectures."""

    family: str
    list_names: Callable[[], list[str]]
    make: Callable[[str, int | None], nn.Module]

    def build(self, name: str, classes: int | None) -> nn.Module:
        """Raises: InputFault, with the nearest names, where the library has no such architecture."""
        names = self.list_names()
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.3)
            known = ", ".join(f"{self.family}/{each}" for each in near) or "shown by `architectures`"
            raise InputFault(f"There is no {self.family}/{name}; the nearest are {known}.")
        return self.make(name, classes)


@functools.cache
def list_torchvision() -> list[str]:
    return [name for name in torchvision.models.list_models(module=torchvision.models) if not is_quantized(name)]


def is_quantized(name: str) -> bool:
    return name.startswith("quantized_")


def make_torchvision(name: str, classes: int | None) -> nn.Module:
    options = {} if classes is None else {"num_classes": classes}
    extra = {"init_weights": False} if name in AUXILIARY else {}
    module: nn.Module = torchvision.models.get_model(name, weights=None, **options, **extra)
    return module


@functools.cache
def list_timm() -> list[str]:
    return list(timm.list_models())


def make_timm(name: str, classes: int | None) -> nn.Module:
    options = {} if classes is None else {"num_classes": classes}
    module: nn.Module = timm.create_model(name, pretrained=False, **options)
    return module


TORCHVISION = Source("torchvision", list_torchvision, make_torchvision)
TIMM = Source("timm", list_timm, make_timm)
