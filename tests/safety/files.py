"""Hostile and damaged files, built byte by byte."""

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

Build = Callable[[str], bytes]


class Call:
    """Pickles into a call of `function`, which a plain unpickler makes at once."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


def name_global(module: str, name: str, *arguments: str) -> bytes:
    """Return a pickle that calls module.name, whether or not it can be imported here."""
    parts = b"".join(b"X" + struct.pack("<I", len(each)) + each.encode() for each in arguments)
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"(" + parts + b"tR."


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def checkpoint(data: bytes, **more: bytes) -> bytes:
    """Return PyTorch's zip container around a pickle."""
    return zipped({"archive/data.pkl": data, "archive/version": b"3\n"} | more)


def tensor(storage: str = "0", items: int = 4, shape: tuple[int, ...] = (4,), stride: tuple[int, ...] = (1,)) -> bytes:
    """Return the opcodes of a float32 tensor in a storage."""

    def number(value: int) -> bytes:
        return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)

    def text(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    place = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(storage) + text("cpu") + number(items) + b"tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    build = b"ctorch._utils\n_rebuild_tensor_v2\n"
    return build + b"(" + place + number(0) + numbers(shape) + numbers(stride) + b"\x89" + hooks + b"tR"


def state_dict(value: bytes, key: bytes = b"X\x01\x00\x00\x00w") -> bytes:
    return b"\x80\x02}" + key + value + b"s."


def weights(value: bytes | None = None, storage: bytes = bytes(16)) -> bytes:
    """Return a whole checkpoint of one tensor."""
    members = {"archive/data.pkl": state_dict(tensor() if value is None else value), "archive/data/0": storage}
    return zipped(members)


def safetensors(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def span(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def part(number: int, content: bytes | int) -> bytes:
    """Return a field of a protobuf message."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def node(operator: str, domain: str = "", attribute: bytes = b"") -> bytes:
    return part(1, part(4, operator.encode()) + part(7, domain.encode()) + (part(5, attribute) if attribute else b""))


def onnx(*graph: bytes, opset: str = "", more: bytes = b"") -> bytes:
    return (
        part(1, 8) + part(2, b"test") + part(7, b"".join(graph)) + part(8, part(1, opset.encode()) + part(2, 17)) + more
    )


def tensor_proto(*fields: bytes, name: str = "w") -> bytes:
    return part(5, b"".join(fields) + part(8, name.encode()))


def tarred(name: str = "weights.pth") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return out.getvalue()


def legacy(data: bytes) -> bytes:
    """Return PyTorch's container of before 1.6 with this pickle for its object."""
    magic, protocol = 0x1950A86A20F9469CFC6C, 1001
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = b"".join(pickle.dumps(each, protocol=2) for each in (magic, protocol, system))
    return head + data + pickle.dumps([], protocol=2)


def gzipped() -> bytes:
    return gzip.compress(weights())
