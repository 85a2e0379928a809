"""What an ONNX graph says of itself: the images that it takes, the scores that it gives. Nothing of it is run.

Source: the message definitions of onnx.proto3 (field numbers).
"""

from collections.abc import Collection, Iterator, Mapping
from math import prod
from typing import NamedTuple

from evaluation.contract import InputFault, Protocol
from evaluation.static_check.pieces import Unseen, Window
from evaluation.static_check.protobuf import Data, Field, fields, follow, inside, read_text
from evaluation.static_check.verdict import Graph, Shape, Tensor

# Of a graph: its initialisers and the values that it takes, gives and passes on. In a value: name → type → … → value.
INITIALIZER, INPUT, OUTPUT, VALUE = 5, 11, 12, 13
NAME, TYPE, TENSOR_TYPE, SHAPE, DIMENSION, DIMENSION_VALUE = 1, 2, 1, 2, 1, 1
TENSOR_NAME = 8
# What may follow the initialisers: documentation (10), values, notes on quantisation and metadata.
AFTER_TENSORS = (10, INPUT, OUTPUT, VALUE, 14, 16)
INPUT_TAG = INPUT << 3 | 2
# From this side on the published ImageNet networks show the centre 87.5 % of the image.
IMAGENET_SIDE, SHARE = 160, 0.875
OPEN_SIDE = 224


class Model(NamedTuple):
    """Where the graph lies in the file, with the version of its operators and the program that wrote it."""

    graph: Field
    opset: int
    producer: str


def describe(data: Data, model: Model, values: list[Field], shapes: Mapping[str, Shape]) -> Graph:
    """Return what the whole graph says; old exports list the weights among the inputs."""
    return gather(data, model, values, shapes, sum(prod(side or 0 for side in shape) for shape in shapes.values()))


def describe_tail(data: Window, model: Model) -> Graph | None:
    """Return what the last piece tells of inputs and outputs, None where it does not hold them.

    Fields cannot be walked backwards. So each byte that may begin an input is tried: the one is right from which whole
    fields reach just to the graph's end.
    """
    end = model.graph.end
    for begin in range(max(data.tail, model.graph.begin), end):
        if data[begin] == INPUT_TAG and (parts := read_values(data, begin, end)):
            return gather(data, model, parts, (), None)
    return None


def read_values(data: Data, begin: int, end: int) -> list[Field]:
    """Return the fields from here to the end, none where they are not those that follow the tensors."""
    try:
        parts = list(fields(data, begin, end))
        told = [read_shape(data, part) for part in parts if part.number in (INPUT, OUTPUT)]
    except (InputFault, Unseen):
        return []
    is_likely = all(part.number in AFTER_TENSORS for part in parts) and any(part.number == OUTPUT for part in parts)
    return parts if is_likely and all(told) else []


def gather(data: Data, model: Model, parts: list[Field], weights: Collection[str], parameters: int | None) -> Graph:
    def read(number: int) -> Iterator[Tensor]:
        for part in parts:
            if part.number == number and (name := read_text(data, part, NAME)) not in weights:
                yield Tensor(name, read_shape(data, part))

    return Graph(tuple(read(INPUT)), tuple(read(OUTPUT)), model.opset, model.producer, parameters)


def read_shape(data: Data, part: Field) -> Shape:
    """Return the dimensions of a value, None where one is open."""
    return tuple(
        next((each.value for each in inside(data, dimension, DIMENSION_VALUE)), None)
        for dimension in follow(data, part, TYPE, TENSOR_TYPE, SHAPE, DIMENSION)
    )


def find_protocol(shape: Shape) -> Protocol | None:
    """Return the protocol that the size of the input asks for, 224 pixels where it is open; None for no square."""
    sides = {side for side in shape[1:] if side not in (None, 3)} or {OPEN_SIDE}
    side = next(iter(sides))
    if len(sides) > 1 or side is None or not 1 <= side <= 4096:
        return None
    return make_protocol(side)


def make_protocol(side: int) -> Protocol:
    return Protocol(resize=int(side / SHARE) if side >= IMAGENET_SIDE else side, crop=side)
