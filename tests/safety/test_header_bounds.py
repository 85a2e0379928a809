"""Headers of safetensors files and ONNX graphs that ask for much: each is refused after little work."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.contract import InputFault
from tests.safety.files import node, onnx, part, safetensors, span, tensor_proto, varint
from tests.safety.work import hold_to_little_work

FOUR = bytes(4)


def numbers(name: str, *values: int) -> bytes:
    """Return a constant of whole numbers."""
    return tensor_proto(part(1, len(values)), part(2, 7), part(9, struct.pack(f"<{len(values)}q", *values)), name=name)


def call(operator: str, *inputs: str, attributes: bytes = b"") -> bytes:
    return part(1, b"".join(part(1, each.encode()) for each in inputs) + part(4, operator.encode()) + attributes)


def attribute(name: str, *values: int) -> bytes:
    return part(5, part(1, name.encode()) + b"".join(part(8, value) for value in values))


def dims(*lengths: int, kind: int = 1, more: bytes = b"") -> bytes:
    return tensor_proto(*(part(1, length) for length in lengths), part(2, kind), more)


BOMBS: dict[str, Callable[[], bytes]] = {
    "a name of megabytes": lambda: safetensors({"a" * 2**20: span(0, 4, [1])}, FOUR),
    "a name that moves the cursor": lambda: safetensors({"a\x1b[2J\0\n": span(0, 4, [1])}, FOUR),
    "header of 16 MiB of lists": lambda: safetensors(b'{"w":[' + b"[]," * 5_000_000 + b"1]}"),
    "header of 16 MiB of numbers": lambda: safetensors(b'{"w":{"shape":[' + b"1," * 8_000_000 + b"1]}}"),
    "header of one long name": lambda: safetensors(b'{"' + b"a" * 15 * 2**20 + b'":1}'),
    "header of 20,001 tensors": lambda: safetensors({str(n): span(0, 0, [0]) for n in range(20_001)}),
    "metadata of numbers": lambda: safetensors({"__metadata__": {"a": 1}, "w": span(0, 4, [1])}, FOUR),
    "metadata of lists": lambda: safetensors({"__metadata__": [], "w": span(0, 4, [1])}, FOUR),
    "type of no text": lambda: safetensors({"w": {"dtype": {}, "shape": [1], "data_offsets": [0, 4]}}, FOUR),
    "onnx of empty fields": lambda: part(1, 8) + part(2, b"x") + part(99, 1) * 500_000,
    "onnx of empty tensors": lambda: onnx(node("Relu"), *[tensor_proto(part(2, 1), part(9, FOUR))] * 100_000),
    "onnx of empty nodes": lambda: onnx(*[node("Relu")] * 20_001),
    "onnx of one node": lambda: onnx(part(1, part(4, b"Relu") + part(5, part(1, b"a")) * 200_000)),
    "onnx dimensions": lambda: onnx(node("Relu"), dims(*[2**61] * 20_000)),
    "onnx packed dimensions": lambda: onnx(node("Relu"), tensor_proto(part(1, varint(2**61) * 9_000), part(2, 1))),
    "onnx numbers missing": lambda: onnx(node("Relu"), dims(1000, more=part(4, FOUR))),
    "onnx text": lambda: onnx(node("Relu"), dims(1, kind=8, more=part(6, b"hello"))),
    "onnx type of the future": lambda: onnx(node("Relu"), dims(1, kind=99, more=part(9, FOUR))),
    "onnx sparse constant": lambda: onnx(node("Constant", attribute=part(1, b"sparse_value") + part(22, b""))),
    "onnx hidden file": lambda: onnx(node("Constant", attribute=part(10, part(13, part(1, b"location"))))),
    "onnx training": lambda: onnx(node("Relu"), more=part(20, part(1, b""))),
    "onnx long domain": lambda: onnx(node("Relu", "x" * 600)),
    "onnx ConstantOfShape": lambda: onnx(call("ConstantOfShape", "n"), numbers("n", 200_000, 200_000)),
    "onnx Expand": lambda: onnx(numbers("n", 1, 2**40), call("Expand", "x", "n")),
    "onnx Tile": lambda: onnx(call("Tile", "x", "n"), numbers("n", 1, 2**31)),
    "onnx Range": lambda: onnx(
        call("Range", "a", "b", "c"), numbers("a", 0), numbers("b", 2**62), numbers("c", 1)
    ),
    "onnx Range of no step": lambda: onnx(
        call("Range", "a", "b", "c"), numbers("a", 0), numbers("b", 1), numbers("c", 0)
    ),
    "onnx Pad": lambda: onnx(call("Pad", "x", "n"), numbers("n", 0, 0, 0, 10**9)),
    "onnx Pad of old": lambda: onnx(call("Pad", "x", attributes=attribute("pads", 10**9, 0))),
    "onnx Resize": lambda: onnx(call("Resize", "x", "", "", "n"), numbers("n", 1, 3, 2**30, 2**30)),
    "onnx Conv": lambda: onnx(call("Conv", "x", "w", attributes=attribute("pads", 2**40, 2**40))),
    "onnx size in a node": lambda: onnx(
        part(1, part(2, b"n") + part(4, b"Constant") + attribute("value_ints", 2**20, 2**20)),
        call("Expand", "x", "n"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_file_that_asks_for_much_is_refused_with_little_work(tmp_path: Path, name: str) -> None:
    hold_to_little_work(tmp_path / "weights.bin", BOMBS[name]())


def test_sentence_quotes_no_letter_that_a_terminal_obeys() -> None:
    assert str(InputFault("a\x1b[31m\n" + "b" * 5000)) == "a�[31m�" + "b" * 993
