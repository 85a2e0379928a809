"""Published files whose tensors have other names or shapes than the library's: the declared rules, and no others.

A rule holds for the architectures that it names, and what it did is told with the run. Where a file holds the new name
too, nothing is renamed, and the file is refused for the name that is not known.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

Tensors = dict[str, torch.Tensor]


def keep(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def widen(tensor: torch.Tensor) -> torch.Tensor:
    """Return an (out, in) matrix as the 1×1 convolution (out, in, 1, 1) that it is."""
    return tensor[:, :, None, None] if tensor.ndim == 2 else tensor


def flatten_row(tensor: torch.Tensor) -> torch.Tensor:
    """Return a (1, n) row as (n,)."""
    return tensor[0] if tensor.ndim == 2 and len(tensor) == 1 else tensor


@dataclass(frozen=True)
class Layout:
    """A rule. `architectures`, `tensors`: patterns of whole names; `name`: the tensor's name in the library."""

    meant: str
    architectures: str
    tensors: str
    name: str = r"\g<0>"
    reshape: Callable[[torch.Tensor], torch.Tensor] = keep


LAYOUTS = (
    Layout(
        "DenseNet's names before 2018 (norm.1, now norm1)",
        r"(torchvision|timm)/densenet.*",
        r"(.*\.denselayer\d+\.(?:norm|conv))\.([12]\..*)",
        r"\1\2",
    ),
    Layout("Cadene's name of the classifier", "timm/inception_resnet_v2", r"last_linear\.(weight|bias)", r"classif.\1"),
    Layout("Cadene's name of the classifier", "timm/legacy_xception", r"last_linear\.(weight|bias)", r"fc.\1"),
    Layout(
        "pointwise convolutions as matrices",
        "timm/legacy_xception",
        r".*\.pointwise\.weight",
        reshape=widen,
    ),
    Layout("normalisations as rows", "own/bn_inception", r".*_bn\.(weight|bias|running_.*)", reshape=flatten_row),
    Layout("the classifier's older name", "own/bn_inception", r"fc\.(weight|bias)", r"last_linear.\1"),
)


def adopt(tensors: Tensors, architecture: str) -> tuple[Tensors, tuple[str, ...]]:
    """Return the tensors as the library names and shapes them, and which rules that took."""
    taken: list[str] = []
    for layout in LAYOUTS:
        if re.fullmatch(layout.architectures, architecture):
            found = apply_layout(layout, tensors)
            if has_changed(tensors, found):
                taken.append(layout.meant)
            tensors = found
    return tensors, tuple(taken)


def apply_layout(layout: Layout, tensors: Tensors) -> Tensors:
    found: Tensors = {}
    for name, tensor in tensors.items():
        if match := re.fullmatch(layout.tensors, name):
            new = match.expand(layout.name)
            found[name if new in tensors else new] = layout.reshape(tensor)
        else:
            found[name] = tensor
    return found


def has_changed(before: Tensors, after: Tensors) -> bool:
    return before.keys() != after.keys() or any(before[name].shape != after[name].shape for name in before)
