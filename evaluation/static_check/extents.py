"""Sizes that an ONNX graph states outright: a few bytes of constants can ask for terabytes.

What a graph only works out while it runs is held by the box's memory limit.

Source: the operators' inputs in onnx's Operators.md.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from math import prod

from evaluation.contract import InputFault
from evaluation.static_check.protobuf import Data, Field, fields, read_numbers

MAX_MADE = 2**27
MAX_REPEATS = 2**20
MAX_SIDE = 10_000
MAX_SCALE = 1_000
# Larger constants are weights.
MAX_CONSTANT = 64
SIGN, WRAP = 2**63, 2**64
# Of a TensorProto: dimensions, type, and where its numbers stand by type.
RAW, FLOATS, INTEGERS, LONGS = 9, 4, 5, 7
RAW_LETTERS = {1: "f", 6: "i", 7: "q", 11: "d"}

Numbers = Sequence[float]
WINDOWS = frozenset(("pads", "kernel_shape", "strides", "dilations", "output_padding"))


def is_large_shape(values: Numbers) -> bool:
    return prod(max(1, abs(value)) for value in values) > MAX_MADE


def is_large_tile(values: Numbers) -> bool:
    return prod(max(1, abs(value)) for value in values) > MAX_REPEATS


def is_large_window(values: Numbers) -> bool:
    return any(abs(value) > MAX_SIDE for value in values)


def is_large_scale(values: Numbers) -> bool:
    return any(not abs(value) <= MAX_SCALE for value in values)


# Operator: the input that states a size, and when it is too large.
SIZED: Mapping[str, Sequence[tuple[int, Callable[[Numbers], bool]]]] = {
    "ConstantOfShape": ((0, is_large_shape),),
    "Expand": ((1, is_large_shape),),
    "Tile": ((1, is_large_tile),),
    "Pad": ((1, is_large_window),),
    "Resize": ((1, is_large_scale), (2, is_large_scale), (3, is_large_shape)),
}


def refuse(operator: str) -> InputFault:
    return InputFault(
        f"{operator[:60]} in this ONNX graph makes more numbers than any classifier needs; export it anew."
    )


def check_sizes(operator: str, inputs: Sequence[Numbers | None]) -> None:
    """`inputs`: the values of those that are constants. Raises: InputFault where one asks for too much."""
    for place, is_large in SIZED.get(operator, ()):
        if place < len(inputs) and (values := inputs[place]) is not None and is_large(values):
            raise refuse(operator)
    if operator == "Range" and len(inputs) == 3 and all(inputs):
        start, limit, step = (float(values[0]) for values in inputs if values)
        if not step or not abs((limit - start) / step) <= MAX_MADE:
            raise refuse(operator)


def check_window(name: str, values: Numbers) -> None:
    """Raises: InputFault where an attribute pads or strides over more than any image has."""
    if name in WINDOWS and is_large_window(values):
        raise InputFault(f"{name} in this ONNX graph is larger than any image; export it anew.")


def read_constant(data: Data, part: Field, kind: int) -> Numbers | None:
    """Return the numbers in a small TensorProto, None where they are of no kind that sizes have."""
    for each in fields(data, part.begin, part.end):
        if each.number == RAW and (letter := RAW_LETTERS.get(kind)):
            return unpack(data[each.begin : each.end], letter)
        if each.number in (INTEGERS, LONGS):
            return [sign(value) for value in read_numbers(data, each, MAX_CONSTANT)]
        if each.number == FLOATS:
            return unpack(data[each.begin : each.end], "f")
    return None


def unpack(content: bytes, letter: str) -> Numbers:
    size = struct.calcsize(f"<{letter}")
    return [value for (value,) in struct.iter_unpack(f"<{letter}", content[: len(content) // size * size])]


def sign(value: int) -> int:
    """Return the number that a varint of 64 bits stands for."""
    return value - WRAP if value >= SIGN else value
