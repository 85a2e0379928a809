"""timm's architectures, by their own names."""

from typing import Any

import timm
from torch import nn

from evaluation.contract import InputFault


def list_names() -> list[str]:
    return list(timm.list_models())


def build(name: str, classes: int | None) -> nn.Module:
    """Raises: InputFault where the installed timm has no such architecture."""
    if not timm.is_model(name):
        raise InputFault(f"There is no timm/{name}; `architectures` lists those that are.")
    options: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    module: nn.Module = timm.create_model(name, pretrained=False, **options)
    return module
