"""PyTorch's container before version 1.6: five pickles one after another, then each storage's count and bytes."""

import io
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from evaluation.contract import InputFault
from evaluation.static_check.descriptions import Storage, Tensor, collect_tensors
from evaluation.static_check.objects import Objects
from evaluation.static_check.pickles import MAX_PICKLE, Walker
from evaluation.static_check.verdict import Verdict

MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
# As protocols below 2 write it.
DECIMAL_MAGIC = b"L%dL\n." % MAGIC_NUMBER
PROTOCOL = 1001
COUNT_BYTES = 8


@dataclass(frozen=True)
class Opening:
    """The pickles at the file's beginning: tensors by name, the storages that they name, their order, the end."""

    tensors: Mapping[str, Tensor]
    storages: Mapping[str, Storage]
    keys: Sequence[str]
    end: int


def is_likely(head: bytes) -> bool:
    return MAGIC in head[:64] or head.startswith(DECIMAL_MAGIC)


def check(file: IO[bytes], size: int) -> Verdict:
    """Raises: InputFault where a part is missing or more than a state dict is in it."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        opening = read_opening(data[:MAX_PICKLE])
        find_storages(data, opening, size)
    return describe(opening, size)


def describe(opening: Opening, size: int) -> Verdict:
    return Verdict("state_dict", size, {name: tensor.shape for name, tensor in opening.tensors.items()})


def read_opening(head: bytes) -> Opening:
    """Return what the file's beginning describes; whether the bytes are there is not looked at. Raises: InputFault."""
    walker = Walker(io.BytesIO(head), Objects(None))
    magic, protocol, system, top, keys = (walker.walk() for _ in range(5))
    is_sound = isinstance(system, dict) and isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not is_sound or magic != MAGIC_NUMBER or protocol != PROTOCOL:
        raise InputFault("This old PyTorch file is damaged; load it and save its state dict again.")
    if system.get("little_endian") is False:
        raise InputFault("This file was written on a big-endian machine; save it again on an ordinary one.")
    return Opening(collect_tensors(top), walker.objects.storages, keys, walker.file.tell())


def find_storages(data: mmap.mmap, opening: Opening, size: int) -> dict[str, int]:
    """Return where each storage's bytes begin.

    Raises: InputFault where the bytes after the pickles are not those of the storages named in them.
    """
    keys, storages, position = opening.keys, opening.storages, opening.end
    if set(keys) != set(storages) or len(keys) != len(storages):
        raise InputFault("This old PyTorch file names other storages than it holds; it is damaged, save it again.")
    places = {}
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(data[position : position + COUNT_BYTES], "little", signed=True)
        places[key] = position + COUNT_BYTES
        position += COUNT_BYTES + storage.items * storage.item_bytes
        if count != storage.items or position > size:
            raise InputFault("This file is truncated: bytes of its tensors are missing. Save it or fetch it again.")
    return places
