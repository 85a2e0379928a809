"""torchvision's architectures, by their own names."""

from typing import Any

from torch import nn
from torchvision import models

from evaluation.contract import InputFault

# Their random initialisation takes seconds and is overwritten. The published weights come from TensorFlow, whose mean
# and deviation are others: torchvision builds these networks so that they change to those, and so do we.
FROM_TENSORFLOW = {"googlenet", "inception_v3"}


def list_names() -> list[str]:
    return [name for name in models.list_models(module=models) if not name.startswith("quantized_")]


def build(name: str, classes: int | None, transform_input: bool = True) -> nn.Module:
    """Raises: InputFault where the installed torchvision has no such architecture."""
    if name not in list_names():
        raise InputFault(f"There is no torchvision/{name}; `architectures` lists those that are.")
    options: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    extra = {"init_weights": False, "transform_input": transform_input} if name in FROM_TENSORFLOW else {}
    module: nn.Module = models.get_model(name, weights=None, **options, **extra)
    return module
