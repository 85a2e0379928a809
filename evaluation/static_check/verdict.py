from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple

from evaluation.contract import InputFault

MAX_TENSORS = 20_000
MAX_NAME = 1_000

Shape = tuple[int | None, ...]


class Tensor(NamedTuple):
    """An input or output of a graph; a side that is open is None."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Graph:
    """What an ONNX graph says of itself. `parameters` is None where only pieces of the file were seen."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    opset: int
    producer: str
    parameters: int | None

    @property
    def image(self) -> Shape:
        """Return the shape of the only input, () where there is not just one."""
        return self.inputs[0].shape if len(self.inputs) == 1 else ()

    @property
    def layout(self) -> str:
        """Return where the channels stand, "" where the input is no batch of images."""
        if len(self.image) != 4:
            return ""
        return "NHWC" if self.image[3] == 3 and self.image[1] != 3 else "NCHW"

    @property
    def classes(self) -> int | None:
        """Return how many scores it gives an image, None where that is open."""
        return self.outputs[0].shape[-1] if len(self.outputs) == 1 and self.outputs[0].shape else None


@dataclass(frozen=True)
class Verdict:
    """What a file holds. `shapes` are the tensors' by name as they stand in the file, with wrappers and prefixes.

    Raises: InputFault where the names could not be shown or stored.
    """

    format: str  # "safetensors", "state_dict" or "onnx"
    size_bytes: int
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    graph: Graph | None = None

    def __post_init__(self) -> None:
        count = len(self.shapes)
        if count > MAX_TENSORS:
            raise InputFault(f"The file holds {count:,} tensors, more than the {MAX_TENSORS:,} that are taken.")
        values = (*self.graph.inputs, *self.graph.outputs) if self.graph else ()
        names = (*self.shapes, *(value.name for value in values))
        if not all(name.isprintable() and len(name) <= MAX_NAME for name in names):
            raise InputFault(
                "A tensor in the file has a name with control characters, or one of more than 1,000 letters;"
                " give it another."
            )

    @property
    def tensors(self) -> int:
        return len(self.shapes)

    @property
    def parameters(self) -> int:
        """Count all elements, buffers included."""
        return sum(prod(shape) for shape in self.shapes.values())
