"""What a pickle describes, without its bytes: plain values, and tensors by where they lie in which storage.

Dictionaries, lists and tuples of a description are Python's own. A stranger chose what is in them: they may lie in each
other a million deep, or each twice in the next. So they are never compared, hashed or printed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from evaluation.contract import InputFault
from evaluation.static_check.verdict import MAX_NAME

MAX_NESTING = 32
MAX_DIMENSIONS = 16
MAX_LENGTH = 2**48
MAX_KEY_BITS = 64
# Views of one storage, such as tied weights, count once for each name.
MAX_SHARING = 64
# A value that is allowed and does not matter.
OPAQUE = object()


@dataclass(frozen=True, slots=True)
class Global:
    name: str


@dataclass(frozen=True, slots=True)
class Storage:
    """`kind` is torch's name of its class; `items` of `item_bytes` each."""

    key: str
    items: int
    item_bytes: int
    kind: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where its numbers lie in its storage, counted in items."""

    shape: tuple[int, ...]
    storage: Storage
    offset: int
    strides: tuple[int, ...]


def put_pairs(target: dict[str, Any], pairs: Iterable[Any]) -> None:
    """Keys become texts: whole numbers can be chosen so that all of them collide. Others name no network's tensor."""
    for key, value in pairs:
        if isinstance(key, str):
            target[key] = value
        elif isinstance(key, Global):
            target[key.name] = value
        elif isinstance(key, int) and key.bit_length() <= MAX_KEY_BITS:
            target[str(key)] = value


def collect_tensors(top: Any) -> dict[str, Tensor]:
    """Return the tensors by name, nested names joined by a dot. Raises: InputFault where there are none."""
    if isinstance(top, Tensor):
        raise InputFault(
            "The file holds a bare tensor; save the model's state dict: torch.save(model.state_dict(), FILE)."
        )
    # Such as of a state dict and an epoch.
    if isinstance(top, tuple | list):
        top = {str(place): value for place, value in enumerate(top)}
    if not isinstance(top, dict):
        raise InputFault("The file holds no state dict; save one with torch.save(model.state_dict(), FILE).")
    tensors = dict(walk_tensors(top))
    if not tensors:
        raise InputFault(
            "The file holds no tensors; save the model's state dict: torch.save(model.state_dict(), FILE)."
        )
    check_sharing(tensors)
    return tensors


def walk_tensors(top: dict[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Yield each tensor with its name. Raises: InputFault where dictionaries lie deeper than any checkpoint's."""
    waiting, seen = [("", 0, top)], {id(top)}
    while waiting:
        prefix, depth, mapped = waiting.pop()
        if depth > MAX_NESTING:
            raise InputFault("The file nests dictionaries deeper than any state dict does; it was made to do harm.")
        for key, value in mapped.items():
            if isinstance(value, Tensor):
                yield cut(prefix, key), value
            elif isinstance(value, dict) and id(value) not in seen:
                seen.add(id(value))
                waiting.append((f"{cut(prefix, key)}.", depth + 1, value))


def cut(prefix: str, key: str) -> str:
    """Return the joined name, or so much of it that it is refused: one of megabytes may stand before many others."""
    return prefix[: MAX_NAME + 1] + key[: MAX_NAME + 1]


def check_sharing(tensors: dict[str, Tensor]) -> None:
    """Raises: InputFault where many tensors are made of few numbers, which only costs whoever reads them time."""
    storages = {tensor.storage.key: tensor.storage.items for tensor in tensors.values()}
    if sum(prod(tensor.shape) for tensor in tensors.values()) > MAX_SHARING * sum(storages.values()):
        raise InputFault(
            "The tensors in the file share their numbers far more often than any network's do; save each of them once."
        )


def rebuild(storage: Any, offset: Any, shape: Any, strides: Any) -> Tensor:
    """Return the tensor where it lies inside its storage. Raises: InputFault."""
    if not isinstance(storage, Storage) or not len(shape) == len(strides) <= MAX_DIMENSIONS:
        raise ValueError("no tensor")
    numbers = (offset, *shape, *strides)
    if not all(type(number) is int for number in numbers):
        raise ValueError("no tensor")
    if max(numbers) > MAX_LENGTH:
        raise InputFault("A tensor in the file has an impossible shape; the file is damaged or was made to do harm.")
    if min(numbers) < 0:
        raise InputFault(
            "A tensor in the file has a negative size, offset or stride; save it again with .contiguous()."
        )
    count = prod(shape)
    last = offset + sum((length - 1) * step for length, step in zip(shape, strides, strict=True))
    if count and last >= storage.items:
        raise InputFault("A tensor in the file reaches beyond its storage; the file is damaged or was made to do harm.")
    if count > storage.items or any(step == 0 and length > 1 for length, step in zip(shape, strides, strict=True)):
        raise InputFault("A tensor in the file is expanded from fewer numbers; save it with .contiguous().")
    return Tensor(tuple(shape), storage, offset, tuple(strides))
