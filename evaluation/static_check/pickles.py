"""Walk a pickle opcode by opcode on a stack of descriptions. Nothing it names is imported and nothing is called.

Only what a state dict needs is understood: the opcodes that `torch.load(weights_only=True)` knows, and a short list of
globals. All else is refused by name.

Source: the opcode table of Python's own `pickletools`; `torch/_weights_only_unpickler.py` for what torch accepts.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from evaluation.contract import InputFault

MAX_OPCODES = 5_000_000
MAX_DEPTH = 64
MAX_STACK = 200_000
MAX_NUMBER_BYTES = 16

ITEM_BYTES = {
    "FloatStorage": 4, "DoubleStorage": 8, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1, "UntypedStorage": 1,
    "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
}  # fmt: skip
DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
DICTS = ("collections.OrderedDict", "collections.Counter")
REBUILD = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
PARAMETER = ("torch._utils._rebuild_parameter", "torch.nn.parameter.Parameter")
PLAIN = ("torch.device", *(f"torch.{name}" for name in DTYPES))
SIZE = "torch.Size"
SPECIAL = {
    "torch._utils._rebuild_sparse_tensor": "sparse tensors",
    "torch._utils._rebuild_qtensor": "quantised tensors",
    "torch._utils._rebuild_meta_tensor_no_storage": "tensors without data (meta)",
    "torch._utils._rebuild_nested_tensor": "nested tensors",
}


@dataclass(frozen=True)
class Global:
    name: str


@dataclass(frozen=True)
class Storage:
    key: str
    items: int
    item_bytes: int


@dataclass(frozen=True)
class Tensor:
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Opaque:
    """A value that is allowed and does not matter."""


@dataclass(frozen=True)
class Group:
    """A tuple. Its depth is counted, as a tuple nested a million deep takes its reader's process down."""

    items: tuple[Any, ...]
    depth: int


@dataclass
class Listing:
    items: list[Any] = field(default_factory=list)


@dataclass
class Mapped:
    items: dict[str | int, Any] = field(default_factory=dict)


MARK = object()


def check(data: bytes, storages: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Return the shapes in the pickle, whose storages have these sizes in bytes. Raises: InputFault."""

    def find(key: str) -> int | None:
        return storages.get(key)

    walker = Walker(data, 0, find)
    return collect_shapes(walker.walk())


def collect_shapes(top: Any) -> dict[str, tuple[int, ...]]:
    """Return the tensors' shapes by name, nested names joined by a dot. Raises: InputFault where there are none."""
    if isinstance(top, Tensor):
        raise InputFault(
            "The file holds a bare tensor; save the model's state dict: torch.save(model.state_dict(), FILE)."
        )
    if not isinstance(top, Mapped):
        raise InputFault("The file holds no state dict; save one with torch.save(model.state_dict(), FILE).")
    shapes: dict[str, tuple[int, ...]] = {}
    waiting, seen = [("", top)], {id(top)}
    while waiting:
        prefix, mapped = waiting.pop()
        for key, value in mapped.items.items():
            if isinstance(value, Tensor):
                shapes[f"{prefix}{key}"] = value.shape
            elif isinstance(value, Mapped) and id(value) not in seen:
                seen.add(id(value))
                waiting.append((f"{prefix}{key}.", value))
    if not shapes:
        raise InputFault(
            "The file holds no tensors; save the model's state dict: torch.save(model.state_dict(), FILE)."
        )
    return shapes


class Walker:
    """One pickle in `data` from `position` on. `find` gives a storage's size in bytes, None where there is none.

    With `find` None the sizes come later in the file, and `storages` collects what was named.
    """

    def __init__(self, data: Any, position: int, find: Callable[[str], int | None] | None) -> None:
        self.data, self.position, self.find = data, position, find
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

    def walk(self) -> Any:
        """Return the description of the pickled object. Raises: InputFault."""
        for _ in range(MAX_OPCODES):
            code = self.take(1)[0]
            if code == 0x2E:  # STOP
                return self.stack.pop()
            act = ACTIONS.get(code)
            if act is None:
                raise InputFault(
                    f"The file's description of its tensors uses the pickle operation {code:#04x}, which no state dict"
                    " needs; save it again with torch.save(model.state_dict(), FILE)."
                )
            act(self)
            if len(self.stack) > MAX_STACK:
                break
        raise InputFault("The file's description of its tensors is longer than any state dict needs.")

    def take(self, count: int) -> bytes:
        start, self.position = self.position, self.position + count
        taken = bytes(self.data[start : self.position])
        if len(taken) != count:
            raise InputFault(
                "The file is truncated: its description of the tensors breaks off. Save it or fetch it again."
            )
        return taken

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "little")

    def line(self) -> str:
        end = self.data.find(b"\n", self.position, self.position + 512)
        if end < 0:
            raise InputFault("The file's description of its tensors is damaged; save it again.")
        text = bytes(self.data[self.position : end]).decode()
        self.position = end + 1
        return text

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def since_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is MARK:
                items = self.stack[place + 1 :]
                del self.stack[place:]
                return items
        raise ValueError("no mark")

    def group(self, items: list[Any]) -> None:
        depth = 1 + max((item.depth for item in items if isinstance(item, Group)), default=0)
        if depth > MAX_DEPTH:
            raise InputFault("The file nests tuples deeper than any state dict does; it was made to do harm.")
        self.push(Group(tuple(items), depth))

    def set_items(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, Mapped) or len(flat) % 2:
            raise ValueError("items without a dict")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if not isinstance(key, str | int):
                raise InputFault(
                    "The file has a dictionary key that is neither text nor a number; save a plain state dict."
                )
            target.items[key] = value

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, Listing):
            raise ValueError("items without a list")
        target.items.extend(items)

    def name_global(self) -> None:
        module, name = self.line(), self.line()
        self.push(self.allow(f"{module}.{name}".removeprefix("__builtin__.").removeprefix("builtins.")))

    def allow(self, name: str) -> Global:
        """Raises: InputFault, naming what a state dict does not need and how to leave it out."""
        kind = name.rpartition(".")[2]
        is_storage = name in (f"torch.{kind}", f"torch.storage.{kind}") and kind in ITEM_BYTES
        if is_storage or name in (*DICTS, *REBUILD, *PARAMETER, *PLAIN, SIZE):
            return Global(name)
        if name in SPECIAL:
            raise InputFault(f"The file holds {SPECIAL[name]}, which are not evaluated; save dense float32 tensors.")
        if name.startswith(("torch.Q", "torch.q")):
            raise InputFault("The file holds quantised tensors, which are not evaluated; save dense float32 tensors.")
        raise InputFault(
            f"The file holds an object of {name[:120]}, which is never opened here. Save a clean one: "
            'checkpoint = torch.load(FILE, weights_only=False); torch.save(checkpoint["state_dict"], "clean.pth") '
            "(for a whole model: torch.save(model.state_dict(), ...))."
        )

    def reduce(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if not isinstance(called, Global) or not isinstance(arguments, Group):
            raise ValueError("a call of no known function")
        self.push(self.call(called.name, arguments.items))

    def call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Return the description of what the named function would return."""
        if name in REBUILD:
            return rebuild(arguments)
        if name in PARAMETER:
            return arguments[0]
        if name in DICTS:
            return from_pairs(arguments)
        if name == SIZE:
            return arguments[0]
        if name in PLAIN:
            return Opaque()
        raise ValueError("a call of what cannot be called")

    def find_storage(self) -> None:
        reference = self.stack.pop()
        kind, storage, key, _location, items = reference.items[:5]
        if kind != "storage" or not isinstance(storage, Global) or type(items) is not int or items < 0:
            raise ValueError("no storage")
        found = Storage(str(key), items, ITEM_BYTES[storage.name.rpartition(".")[2]])
        if self.find is not None:
            size = self.find(found.key)
            if size is None or size < items * found.item_bytes:
                raise InputFault(
                    "The file lacks bytes of its tensors: it is truncated or damaged. Save it or fetch it again."
                )
        if self.storages.setdefault(found.key, found) != found:
            raise InputFault("The file describes one storage in two ways; it is damaged, save it again.")
        self.push(found)

    def build(self) -> None:
        """Attributes of an ordered dict (`_metadata`) do not matter; nothing else has any."""
        self.stack.pop()
        if not isinstance(self.stack[-1], Mapped | Tensor):
            raise ValueError("attributes of nothing")

    def remember(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def read_number(self) -> None:
        count = self.number(1)
        if count > MAX_NUMBER_BYTES:
            raise InputFault("The file holds a whole number larger than any state dict needs; it was made to do harm.")
        self.push(int.from_bytes(self.take(count), "little", signed=True))


def rebuild(arguments: tuple[Any, ...]) -> Tensor:
    """Return the tensor where it lies inside its storage. Raises: InputFault."""
    storage, offset, size, stride = arguments[:4]
    shape, steps = size.items, stride.items
    numbers = (offset, *shape, *steps)
    if not isinstance(storage, Storage) or len(shape) != len(steps) or not all(type(n) is int for n in numbers):
        raise ValueError("no tensor")
    if min(numbers) < 0:
        raise InputFault(
            "A tensor in the file has a negative size, offset or stride; save it again with .contiguous()."
        )
    if any(step == 0 and length > 1 for length, step in zip(shape, steps, strict=True)):
        raise InputFault("A tensor in the file is expanded from fewer numbers (stride 0); save it with .contiguous().")
    last = (
        offset + sum((length - 1) * step for length, step in zip(shape, steps, strict=True)) if prod(shape) else offset
    )
    if prod(shape) > storage.items or (prod(shape) and last >= storage.items):
        raise InputFault("A tensor in the file reaches beyond its storage; the file is damaged or was made to do harm.")
    return Tensor(tuple(shape))


def from_pairs(arguments: tuple[Any, ...]) -> Mapped:
    """Return the ordered dict that files of older Pythons build from a list of pairs."""
    mapped = Mapped()
    pairs = arguments[0].items if arguments and isinstance(arguments[0], Listing | Group) else []
    for pair in pairs:
        key, value = pair.items
        if not isinstance(key, str | int):
            raise InputFault(
                "The file has a dictionary key that is neither text nor a number; save a plain state dict."
            )
        mapped.items[key] = value
    return mapped


ACTIONS: dict[int, Callable[[Walker], Any]] = {
    0x80: lambda w: w.take(1),  # PROTO
    ord("c"): Walker.name_global,
    ord("("): lambda w: w.push(MARK),
    ord(")"): lambda w: w.push(Group((), 1)),
    ord("t"): lambda w: w.group(w.since_mark()),
    0x85: lambda w: w.group([w.stack.pop()]),
    0x86: lambda w: w.group([w.stack.pop() for _ in range(2)][::-1]),
    0x87: lambda w: w.group([w.stack.pop() for _ in range(3)][::-1]),
    ord("}"): lambda w: w.push(Mapped()),
    ord("]"): lambda w: w.push(Listing()),
    ord("s"): lambda w: w.set_items([w.stack.pop() for _ in range(2)][::-1]),
    ord("u"): lambda w: w.set_items(w.since_mark()),
    ord("a"): lambda w: w.append([w.stack.pop()]),
    ord("e"): lambda w: w.append(w.since_mark()),
    ord("N"): lambda w: w.push(None),
    0x88: lambda w: w.push(True),
    0x89: lambda w: w.push(False),
    ord("J"): lambda w: w.push(int.from_bytes(w.take(4), "little", signed=True)),
    ord("K"): lambda w: w.push(w.number(1)),
    ord("M"): lambda w: w.push(w.number(2)),
    0x8A: Walker.read_number,
    ord("G"): lambda w: w.push(struct.unpack(">d", w.take(8))[0]),
    ord("X"): lambda w: w.push(w.take(w.number(4)).decode("utf-8", "surrogatepass")),
    ord("U"): lambda w: w.push(w.take(w.number(1)).decode("latin-1")),
    ord("q"): lambda w: w.remember(w.number(1)),
    ord("r"): lambda w: w.remember(w.number(4)),
    ord("h"): lambda w: w.push(w.memo[w.number(1)]),
    ord("j"): lambda w: w.push(w.memo[w.number(4)]),
    ord("Q"): Walker.find_storage,
    ord("R"): Walker.reduce,
    0x81: Walker.reduce,  # NEWOBJ
    ord("b"): Walker.build,
}
