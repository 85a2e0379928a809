"""Tensors of files in published old layouts, brought into the library's names and shapes by `evaluation.layouts`."""

import torch

from evaluation import layouts

Tensors = dict[str, torch.Tensor]


def adopt(tensors: Tensors, architecture: str) -> tuple[Tensors, tuple[str, ...]]:
    """Return the tensors as the library names and shapes them, and which rules that took."""
    adopted = layouts.adopt({name: tuple(tensor.shape) for name, tensor in tensors.items()}, architecture)
    moved = {name: tensors[old].reshape(shape) for old, (name, shape) in adopted.places.items()}
    return moved, adopted.rules
