from dataclasses import dataclass, field
from math import prod


@dataclass(frozen=True)
class Verdict:
    """What a file holds. `shapes` are the tensors' by name as they stand in the file, with wrappers and prefixes."""

    format: str  # "safetensors", "state_dict" or "onnx"
    size_bytes: int
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def tensors(self) -> int:
        return len(self.shapes)

    @property
    def parameters(self) -> int:
        """Count all elements, buffers included."""
        return sum(prod(shape) for shape in self.shapes.values())
