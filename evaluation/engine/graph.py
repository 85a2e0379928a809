"""What the trusted side reads of an ONNX graph: the shape of its input. Standard library only, nothing is run.

Source: the message definitions of onnx.proto3 (field numbers).
"""

import hashlib
import mmap
from collections.abc import Iterator
from pathlib import Path

from evaluation.contract import InputFault, Protocol
from evaluation.static_check.onnx import Field, fields, text

# Model → graph; graph → initializer, input; input → type → tensor type → shape → dimension → value.
GRAPH, INITIALIZER, INPUT, NAME, TENSOR_NAME, TENSOR_DOCUMENTATION = 7, 5, 11, 1, 8, 12
TYPE, TENSOR_TYPE, SHAPE, DIMENSION, DIMENSION_VALUE = 2, 1, 2, 1, 1
# From this side on the published ImageNet networks show the centre 87.5 % of the image.
IMAGENET_SIDE, SHARE = 160, 0.875

Shape = tuple[int | None, ...]


def find_protocol(path: Path) -> Protocol:
    """Return the protocol that the graph's input size asks for, 224 pixels where it leaves the size open."""
    sides = {side for side in read_input_shape(path)[1:] if side not in (None, 3)} or {224}
    side = next(iter(sides))
    if len(sides) > 1 or side is None or not 1 <= side <= 4096:
        raise InputFault(f"{path.name} takes no square images of at most 4096 pixels; export it for square ones.")
    return Protocol(resize=int(side / SHARE) if side >= IMAGENET_SIDE else side, crop=side)


def digest_content(path: Path) -> str:
    """Return the digest of all that the graph's tensors hold, whatever they are called and wherever they stand."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        model = Field(0, 2, 0, 0, len(data))
        tensors = [part for graph in inside(data, model, GRAPH) for part in inside(data, graph, INITIALIZER)]
        digests = sorted(digest_tensor(data, part) for part in tensors)
    return hashlib.sha256(b"".join(digests)).hexdigest() if digests else ""


def digest_tensor(data: mmap.mmap, part: Field) -> bytes:
    """Return the digest of every field but name and documentation: dimensions, type, numbers in whatever encoding."""
    content = hashlib.sha256()
    for each in fields(data, part.begin, part.end):
        if each.number not in (TENSOR_NAME, TENSOR_DOCUMENTATION):
            content.update(b"%d %d %d " % (each.number, each.value, each.end - each.begin))
            content.update(memoryview(data)[each.begin : each.end])
    return content.digest()


def read_input_shape(path: Path) -> Shape:
    """Return the input's dimensions, None where one is open. Raises: InputFault where there is not just one input."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        model = Field(0, 2, 0, 0, len(data))
        graph = next(inside(data, model, GRAPH))
        # Old exports list the weights among the inputs.
        weights = {
            text(data, each) for part in inside(data, graph, INITIALIZER) for each in inside(data, part, TENSOR_NAME)
        }
        inputs = [part for part in inside(data, graph, INPUT) if name_input(data, part) not in weights]
        if len(inputs) != 1:
            raise InputFault(f"{path.name} takes {len(inputs)} inputs; export it with the images as its only one.")
        return tuple(
            read_dimension(data, part) for part in follow(data, inputs[0], TYPE, TENSOR_TYPE, SHAPE, DIMENSION)
        )


def inside(data: mmap.mmap, part: Field, number: int) -> Iterator[Field]:
    return (each for each in fields(data, part.begin, part.end) if each.number == number)


def follow(data: mmap.mmap, part: Field, *numbers: int) -> Iterator[Field]:
    """Yield the fields that this path of field numbers leads to."""
    if not numbers:
        yield part
        return
    for each in inside(data, part, numbers[0]):
        yield from follow(data, each, *numbers[1:])


def name_input(data: mmap.mmap, part: Field) -> str:
    return next((text(data, each) for each in inside(data, part, NAME)), "")


def read_dimension(data: mmap.mmap, part: Field) -> int | None:
    return next((each.value for each in inside(data, part, DIMENSION_VALUE)), None)
