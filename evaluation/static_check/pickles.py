"""Walk a pickle opcode by opcode on a stack of descriptions. Nothing it names is imported and nothing is called.

Only what a checkpoint needs is understood: the opcodes that Python's own pickler writes for plain data, in protocols 1
to 5, and the globals of `names`. All else is refused by name. What an opcode carries is read by Python's `pickletools`.

Source: `pickletools.opcodes`; `torch/_weights_only_unpickler.py` for what torch accepts.
"""

import io
import pickletools
from collections.abc import Callable, Mapping
from typing import Any

from evaluation.contract import InputFault
from evaluation.static_check.descriptions import OPAQUE, Tensor, put_pairs
from evaluation.static_check.names import MAX_GLOBAL
from evaluation.static_check.objects import Objects, name_global

# In memory too it stays below what the check may take: a text of it may become four times as large.
MAX_PICKLE = 6 * 2**20
MARK = object()


def read(data: bytes, storages: Mapping[str, int]) -> Any:
    """Return the description of the pickle, whose storages have these sizes in bytes. Raises: InputFault."""
    return Walker(io.BytesIO(data), Objects(storages)).walk()


class Walker:
    """The pickles in `file`, one after another."""

    def __init__(self, file: io.BytesIO, objects: Objects) -> None:
        self.file, self.objects = file, objects
        self.stack, self.memo = list[Any](), dict[int, Any]()

    def walk(self) -> Any:
        """Return the description of the next pickled object. Raises: InputFault."""
        self.stack, self.memo = [], {}
        file, objects, operations = self.file, self.objects, OPERATIONS
        while (code := file.read(1)) != STOP:
            operation = operations.get(code)
            if operation is None:
                raise refuse_operation(code)
            objects.spend(1)
            read_argument, act = operation
            act(self, read_argument(file) if read_argument else None)
        return self.stack.pop()

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def since_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is MARK:
                items = self.stack[place + 1 :]
                del self.stack[place:]
                return items
        raise ValueError("no mark")

    def take(self, count: int) -> list[Any]:
        items = self.stack[-count:]
        del self.stack[-count:]
        if len(items) != count:
            raise ValueError("too few values")
        return items

    def set_items(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            put_pairs(target, zip(flat[::2], flat[1::2], strict=True))
        elif target is not OPAQUE:
            raise ValueError("items without a dict")

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif target is not OPAQUE:
            raise ValueError("items without a list")

    def make_dict(self, flat: list[Any]) -> None:
        self.push({})
        self.set_items(flat)

    def call(self, called: Any, arguments: Any) -> None:
        self.push(self.objects.call(called, arguments))

    def build(self) -> None:
        """Pass over the attributes of an ordered dict (`_metadata`) and of what does not matter; nothing else has."""
        self.stack.pop()
        if not isinstance(self.stack[-1], dict | Tensor) and self.stack[-1] is not OPAQUE:
            raise ValueError("attributes of nothing")

    def remember(self, place: int) -> None:
        self.memo[place] = self.stack[-1]


def refuse_operation(code: bytes) -> InputFault:
    if not code:
        return InputFault(
            "The file is truncated: its description of the tensors breaks off. Save it or fetch it again."
        )
    name = next((each.name for each in pickletools.opcodes if each.code == code.decode("latin-1")), code.hex())
    return InputFault(
        f"The file's description of its tensors uses the pickle operation {name}, which no state dict needs;"
        " save it again with torch.save(model.state_dict(), FILE)."
    )


def read_names(file: io.BytesIO) -> list[str]:
    """Return module and name of a global, a line each. pickletools would make one text of them, and escapes in it."""
    lines = [file.readline(MAX_GLOBAL) for _ in range(2)]
    if not all(line.endswith(b"\n") for line in lines):
        raise ValueError("a global without a name")
    return [line[:-1].decode() for line in lines]


Act = Callable[[Walker, Any], Any]
TEXTS = "BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINSTRING SHORT_BINSTRING"
NUMBERS = "INT LONG BININT BININT1 BININT2 LONG1 BINFLOAT"
BYTES = "BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8"
ACTIONS: dict[str, Act] = {
    **dict.fromkeys(f"{TEXTS} {NUMBERS} NONE".split(), Walker.push),
    **dict.fromkeys(f"{BYTES} EMPTY_SET".split(), lambda w, _: w.push(OPAQUE)),
    **dict.fromkeys(("PROTO", "FRAME"), lambda w, _: None),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda w, place: w.push(w.memo[place])),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), Walker.remember),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), lambda w, _: w.call(*w.take(2))),
    "MEMOIZE": lambda w, _: w.remember(len(w.memo)),
    "NEWTRUE": lambda w, _: w.push(True),
    "NEWFALSE": lambda w, _: w.push(False),
    "MARK": lambda w, _: w.push(MARK),
    "POP": lambda w, _: w.stack.pop(),
    "POP_MARK": lambda w, _: w.since_mark(),
    "EMPTY_TUPLE": lambda w, _: w.push(()),
    "TUPLE": lambda w, _: w.push(tuple(w.since_mark())),
    "TUPLE1": lambda w, _: w.push(tuple(w.take(1))),
    "TUPLE2": lambda w, _: w.push(tuple(w.take(2))),
    "TUPLE3": lambda w, _: w.push(tuple(w.take(3))),
    "EMPTY_DICT": lambda w, _: w.push({}),
    "DICT": lambda w, _: w.make_dict(w.since_mark()),
    "SETITEM": lambda w, _: w.set_items(w.take(2)),
    "SETITEMS": lambda w, _: w.set_items(w.since_mark()),
    "EMPTY_LIST": lambda w, _: w.push([]),
    "LIST": lambda w, _: w.push(w.since_mark()),
    "APPEND": lambda w, _: w.append(w.take(1)),
    "APPENDS": lambda w, _: w.append(w.since_mark()),
    "ADDITEMS": lambda w, _: w.append(w.since_mark()),
    "FROZENSET": lambda w, _: w.push((w.since_mark(), OPAQUE)[1]),
    "GLOBAL": lambda w, names: w.push(name_global(*names)),
    "STACK_GLOBAL": lambda w, _: w.push(name_global(*w.take(2))),
    "BINPERSID": lambda w, _: w.push(w.objects.find_storage(w.stack.pop())),
    "NEWOBJ_EX": lambda w, _: w.call(*w.take(3)[:2]),
    "BUILD": lambda w, _: w.build(),
}
STOP = b"."


Read = Callable[[io.BytesIO], Any]
READERS: dict[str, Read] = {each.name: each.arg.reader for each in pickletools.opcodes if each.arg}
READERS["GLOBAL"] = read_names
# By its code what reads an operation's argument, and what it does with it.
OPERATIONS: dict[bytes, tuple[Read | None, Act]] = {
    each.code.encode("latin-1"): (READERS.get(each.name), ACTIONS[each.name])
    for each in pickletools.opcodes
    if each.name in ACTIONS
}
