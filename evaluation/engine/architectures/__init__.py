"""Names of architectures to modules: torchvision's, timm's, and our own definitions.

A family's library takes seconds to import, so it is imported when one of its names is first asked for.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from evaluation.contract import InputFault

FAMILIES = ("cifar", "own", "timm", "torchvision")


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


class Uninitialised(TorchFunctionMode):
    """Leave parameters as they were allocated: drawing random ones takes seconds, and a file overwrites them."""

    DRAWS = (torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.erfinv_)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in self.DRAWS and isinstance(args[0], nn.Parameter):
            return args[0]
        return func(*args, **(kwargs or {}))


def build_uninitialised(name: str, classes: int | None = None) -> nn.Module:
    """Return the module with arbitrary parameters, to be overwritten. Raises: InputFault."""
    with Uninitialised():
        return build(name, classes)


class EmptyOnMeta(TorchFunctionMode):
    """Put what is made empty, that is parameters, on the meta device, where it takes no memory.

    `torch.device("meta")` would also take the little tensors with which torchvision's RegNets reckon their widths.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        if func is torch.empty and options.get("device") is None:
            options = {**options, "device": "meta"}
        return func(*args, **options)


def build_empty(name: str, classes: int | None = None) -> nn.Module:
    """Return the module of the right shapes, without memory for its parameters; `classes` None: as published."""
    try:
        with torch.device("meta"):
            return build(name, classes)
    except NotImplementedError:
        with EmptyOnMeta():
            return build(name, classes)


def list_names() -> list[str]:
    """Return every architecture's name, sorted."""
    return sorted(f"{family}/{short}" for family in FAMILIES for short in open_family(family).list_names())
