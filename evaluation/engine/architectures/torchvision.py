"""torchvision's architectures, by their own names."""

from torch import nn
from torchvision import models

from evaluation.contract import InputFault

# These train with auxiliary heads that evaluation drops; their random initialisation takes seconds and is overwritten.
AUXILIARY = {"googlenet", "inception_v3"}


def list_names() -> list[str]:
    return [name for name in models.list_models(module=models) if not name.startswith("quantized_")]


def build(name: str, classes: int | None) -> nn.Module:
    """Raises: InputFault where the installed torchvision has no such architecture."""
    if name not in list_names():
        raise InputFault(f"There is no torchvision/{name}; `architectures` lists those that are.")
    options = {} if classes is None else {"num_classes": classes}
    extra = {"init_weights": False} if name in AUXILIARY else {}
    module: nn.Module = models.get_model(name, weights=None, **options, **extra)
    return module
