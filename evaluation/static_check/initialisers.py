"""Tensors in an ONNX file: what they declare, and whether as many bytes are there.

Source: TensorProto in onnx.proto3 (field numbers).
"""

from dataclasses import dataclass
from math import prod

from evaluation.contract import InputFault
from evaluation.static_check.protobuf import Data, Field, fields, read_numbers, text

MAX_ELEMENTS = 2**31
MAX_DIMENSIONS = 16
ELEMENT_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
# Where a tensor's numbers stand when they are not raw bytes.
INLINE = frozenset((4, 5, 6, 7, 10, 11))


@dataclass(frozen=True)
class Initialiser:
    name: str
    kind: int
    shape: tuple[int, ...]


def check_tensor(data: Data, part: Field) -> Initialiser:
    """Raises: InputFault where its data lie elsewhere or are not as many as declared."""
    name, kind, shape, raw, inline = "", 0, list[int](), None, 0
    for each in fields(data, part.begin, part.end):
        if each.number == 1:
            shape += read_numbers(data, each, MAX_DIMENSIONS + 1)
        elif each.number == 2:
            kind = each.value
        elif each.number == 8:
            name = text(data, each)
        elif each.number == 9:
            raw = each.end - each.begin
        elif each.number in INLINE:
            inline += each.end - each.begin
        elif each.number == 13 or (each.number == 14 and each.value):
            raise InputFault("This ONNX model keeps its weights in a second file; export it with the weights inside.")
    if len(shape) > MAX_DIMENSIONS or max(shape, default=0) >= 2**62 or prod(shape) > MAX_ELEMENTS:
        raise InputFault(f"The tensor {name[:80]!r} in this ONNX model has an impossible size.")
    if kind not in ELEMENT_BYTES:
        raise InputFault(f"The tensor {name[:80]!r} in this ONNX model is of no type that is evaluated; use float32.")
    # Written out one by one, each number takes a byte at least.
    if prod(shape) * ELEMENT_BYTES[kind] != raw if raw is not None else prod(shape) > inline:
        raise InputFault(
            f"The tensor {name[:80]!r} in this ONNX model has other data than its shape says; it is damaged."
        )
    return Initialiser(name, kind, tuple(shape))
