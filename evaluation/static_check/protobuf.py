"""Protobuf's wire format, walked field by field. Nothing is built of it but what is asked for.

Source: the protobuf encoding guide.
"""

import mmap
from collections.abc import Iterator
from typing import NamedTuple, Protocol, overload

from evaluation.contract import InputFault

# A large classifier's graph has some 50,000.
MAX_FIELDS = 150_000


class Data(Protocol):
    """Bytes by their place: a mapped file, or pieces of one. `left`: how many fields may still be read of it."""

    left: int

    @overload
    def __getitem__(self, key: int, /) -> int: ...
    @overload
    def __getitem__(self, key: slice, /) -> bytes: ...


class Source(mmap.mmap):
    """A mapped file. Millions of empty fields would take minutes, so only so many are read."""

    left = MAX_FIELDS


class Field(NamedTuple):
    number: int
    kind: int
    value: int
    begin: int
    end: int


def fields(data: Data, begin: int, end: int) -> Iterator[Field]:
    """Yield the fields of a message; a length-delimited one by where it lies. Raises: InputFault."""
    position = begin
    while position < end:
        data.left -= 1
        if data.left < 0:
            raise InputFault("This ONNX file has more parts than any classifier's graph; export a plain one.")
        # Nearly every tag is a byte.
        tag, position = data[position], position + 1
        if tag >= 0x80:
            tag, position = varint(data, position - 1, end)
        kind, value, start = tag & 7, 0, position
        if kind == 0:
            value, position = varint(data, position, end)
        elif kind == 2:
            length, start = varint(data, position, end)
            position = start + length
        elif kind in (1, 5):
            position += 8 if kind == 1 else 4
        else:
            raise InputFault("This is no ONNX file that can be read; it is damaged, export it again.")
        if position > end:
            raise InputFault("This ONNX file is truncated; export it or fetch it again.")
        yield Field(tag >> 3, kind, value, start, position)


def varint(data: Data, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise InputFault("This ONNX file is truncated or damaged; export it or fetch it again.")


def text(data: Data, part: Field) -> str:
    return data[part.begin : min(part.end, part.begin + 512)].decode(errors="replace")


def read_numbers(data: Data, part: Field, most: int) -> list[int]:
    """Return the first whole numbers of a repeated field, packed or one of several."""
    if part.kind == 0:
        return [part.value]
    values: list[int] = []
    position = part.begin
    while position < part.end and len(values) < most:
        value, position = varint(data, position, part.end)
        values.append(value)
    return values


def inside(data: Data, part: Field, number: int) -> Iterator[Field]:
    return (each for each in fields(data, part.begin, part.end) if each.number == number)


def follow(data: Data, part: Field, *numbers: int) -> Iterator[Field]:
    """Yield the fields that this path of field numbers leads to."""
    if not numbers:
        yield part
        return
    for each in inside(data, part, numbers[0]):
        yield from follow(data, each, *numbers[1:])


def read_text(data: Data, part: Field, number: int) -> str:
    return next((text(data, each) for each in inside(data, part, number)), "")
