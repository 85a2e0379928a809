"""A file's tensors brought into the library's names and shapes: out of wrappers, prefixes and old layouts."""

import torch

from evaluation import layouts, recognition
from evaluation.layouts import Shapes

Tensors = dict[str, torch.Tensor]


def read_shapes(tensors: Tensors) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def unwrap(tensors: Tensors, architecture: str) -> Tensors:
    """Return the tensors of the network alone, without what stands before their names."""
    return layouts.take(tensors, recognition.find_place(read_shapes(tensors), architecture))


def adopt(tensors: Tensors, architecture: str) -> tuple[Tensors, tuple[str, ...]]:
    """Return the tensors as the library names and shapes them, and which rules that took."""
    adopted = layouts.adopt(read_shapes(tensors), architecture)
    moved = {name: tensors[old].reshape(shape) for old, (name, shape) in adopted.places.items()}
    return moved, adopted.rules
