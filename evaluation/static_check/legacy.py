"""PyTorch's container before version 1.6: five pickles one after another, then each storage's count and bytes."""

import mmap
from dataclasses import dataclass
from typing import IO, Any

from evaluation.contract import InputFault
from evaluation.static_check.pickles import Listing, Mapped, Storage, Walker, collect_shapes
from evaluation.static_check.verdict import Verdict

MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
PROTOCOL = 1001


@dataclass(frozen=True)
class Opening:
    """The pickles at the file's beginning: the object, the storages that it names, their order, where these begin."""

    top: Any
    storages: dict[str, Storage]
    keys: list[object]
    end: int


def check(file: IO[bytes], size: int) -> Verdict:
    """Raises: InputFault where a part is missing or more than a state dict is in it."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        opening = read_opening(data)
        check_storages(data, opening.end, opening.keys, opening.storages, size)
    return Verdict("state_dict", size, collect_shapes(opening.top))


def read_shapes(head: bytes) -> dict[str, tuple[int, ...]]:
    """Return the shapes that the file's beginning names; whether their bytes are there is not looked at.

    Raises: InputFault.
    """
    return collect_shapes(read_opening(head).top)


def read_opening(data: Any) -> Opening:
    """Raises: InputFault."""
    position = 0
    found = []
    storages: dict[str, Storage] = {}
    for _ in range(5):
        walker = Walker(data, position, None)
        found.append(walker.walk())
        position = walker.position
        storages |= walker.storages
    _magic, protocol, system, top, keys = found
    if protocol != PROTOCOL or not isinstance(system, Mapped) or not isinstance(keys, Listing):
        raise InputFault("This old PyTorch file is damaged; load it and save its state dict again.")
    if system.items.get("little_endian") is False:
        raise InputFault("This file was written on a big-endian machine; save it again on an ordinary one.")
    return Opening(top, storages, keys.items, position)


def check_storages(data: mmap.mmap, position: int, keys: list[object], storages: dict[str, Storage], size: int) -> None:
    """Raises: InputFault where the bytes after the pickles are not those of the storages named in them."""
    if {str(key) for key in keys} != set(storages) or len(keys) != len(storages):
        raise InputFault("This old PyTorch file names other storages than it holds; it is damaged, save it again.")
    for key in keys:
        storage = storages[str(key)]
        count = int.from_bytes(data[position : position + 8], "little", signed=True)
        position += 8 + count * storage.item_bytes
        if count != storage.items or position > size:
            raise InputFault("This file is truncated: bytes of its tensors are missing. Save it or fetch it again.")
