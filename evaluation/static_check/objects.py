"""What the classes, calls and storages that a pickle names stand for, and how much work its file may ask for."""

from collections.abc import Mapping
from typing import Any

from evaluation.contract import InputFault
from evaluation.static_check.descriptions import OPAQUE, Global, Storage, put_pairs, rebuild
from evaluation.static_check.names import (
    DICTS,
    FROM_TYPE,
    ITEM_BYTES,
    MAX_GLOBAL,
    PARAMETER,
    REBUILD,
    SIZE,
    check_name,
    is_beside,
    read_storage_kind,
)

# torch.save writes 50 operations for a parameter with an optimiser's state; losses and options beside have one or two.
ALLOWANCE, ALLOWANCE_A_STORAGE, MAX_ALLOWANCE = 60_000, 100, 400_000


def name_global(module: Any, name: Any) -> Global:
    """Raises: InputFault where no checkpoint needs it."""
    if not isinstance(module, str) or not isinstance(name, str) or len(module) + len(name) > MAX_GLOBAL:
        raise ValueError("a global without a name")
    found = f"{module}.{name}".removeprefix("__builtin__.").removeprefix("builtins.")
    check_name(found)
    return Global(found)


class Objects:
    """Of one file. `sizes`: of its storages in bytes; None where these come later in the file.

    `storages` collects what was named.
    """

    def __init__(self, sizes: Mapping[str, int] | None) -> None:
        self.sizes = sizes
        self.storages: dict[str, Storage] = {}
        self.spent, self.allowance = 0, ALLOWANCE

    def spend(self, count: int) -> None:
        """Raises: InputFault where more was asked for than is in a checkpoint of as many storages."""
        self.spent += count
        if self.spent > self.allowance:
            raise InputFault("The file's description of its tensors is longer than any state dict needs.")

    def call(self, called: Any, arguments: Any) -> Any:
        """Return the description of what the function or class would return.

        The same arguments may be handed to it again and again, so no more than a few of them are touched.
        """
        if not isinstance(called, Global) or not isinstance(arguments, tuple):
            raise ValueError("a call of no known function")
        name = called.name
        if name in REBUILD:
            return rebuild(*arguments[:4])
        if name in PARAMETER or name == SIZE:
            return arguments[0]
        if name == FROM_TYPE and arguments[0].name in REBUILD:
            return rebuild(*arguments[2][:4])
        if name in DICTS:
            return self.fill(*arguments[:1])
        if is_beside(name):
            return OPAQUE
        raise ValueError("a call of what cannot be called")

    def fill(self, given: Any = ()) -> dict[str, Any]:
        """Return the dict of a dict, or of the list of pairs in files of older Pythons."""
        # Not a copy: one operation could ask for as many as there are items.
        if isinstance(given, dict):
            return given
        filled: dict[str, Any] = {}
        if isinstance(given, list | tuple):
            self.spend(len(given))
            put_pairs(filled, given)
        return filled

    def find_storage(self, reference: Any) -> Storage:
        """Raises: InputFault where the file does not have its bytes."""
        if not isinstance(reference, tuple) or not 5 <= len(reference) <= 6:
            raise ValueError("no storage")
        word, named, key, _location, items, *view = reference
        kind = read_storage_kind(named.name) if isinstance(named, Global) else None
        is_whole = isinstance(key, str) and type(items) is int and items >= 0 and not any(view)
        if word != "storage" or kind is None or not is_whole:
            raise ValueError("no storage")
        found = Storage(key, items, ITEM_BYTES[kind], kind)
        if self.sizes is not None and self.sizes.get(key, -1) < items * found.item_bytes:
            raise InputFault(
                "The file lacks bytes of its tensors: it is truncated or damaged. Save it or fetch it again."
            )
        known = self.storages.setdefault(key, found)
        if known != found:
            raise InputFault("The file describes one storage in two ways; it is damaged, save it again.")
        # A storage of nothing costs nothing, and so earns nothing.
        if known is found and items:
            self.allowance = min(self.allowance + ALLOWANCE_A_STORAGE, MAX_ALLOWANCE)
        return known
