"""PyTorch's zip container: stored members, a pickled `data.pkl` and a file a storage. Nothing is extracted to disk."""

from collections.abc import Mapping
from typing import IO, NamedTuple
from zipfile import ZipInfo

from evaluation.contract import InputFault
from evaluation.static_check import pickles
from evaluation.static_check.descriptions import Tensor, collect_tensors
from evaluation.static_check.directory import check_members, read_member, read_members
from evaluation.static_check.refusals import SAVE
from evaluation.static_check.verdict import Verdict

MAX_BYTE_ORDER = 16


class Contents(NamedTuple):
    """The described tensors by name, and the members of their storages by key."""

    tensors: Mapping[str, Tensor]
    storages: Mapping[str, ZipInfo]


def check(file: IO[bytes], size: int) -> Verdict:
    """Raises: InputFault where this is another archive, or one whose parts do not agree."""
    tensors = read_contents(file, size).tensors
    return Verdict("state_dict", size, {name: tensor.shape for name, tensor in tensors.items()})


def read_contents(file: IO[bytes], size: int) -> Contents:
    """Raises: InputFault."""
    found = read_members(file, size)
    members = {member.filename: member for member in found}
    # What it is comes first: whoever has packed pictures or exported a program is not helped by how those are stored.
    refuse_others(list(members))
    name = next((name for name in members if name.endswith("/data.pkl") and name.count("/") == 1), None)
    if name is None:
        raise InputFault(f"This is a zip archive without a state dict in it; unpack it, or {SAVE}.")
    check_members(found, size)
    if members[name].file_size > pickles.MAX_PICKLE:
        raise InputFault("The description of the tensors in this file is larger than 6 MiB; no state dict needs that.")
    root = name.removesuffix("data.pkl")
    if not all(each.startswith(root) for each in members):
        raise InputFault(f"This archive holds more than one state dict; {SAVE}.")
    data = f"{root}data/"
    storages = {each.removeprefix(data): member for each, member in members.items() if each.startswith(data)}
    pickle = read_member(file, members[name])
    check_byte_order(file, members.get(f"{root}byteorder"))
    top = pickles.read(pickle, {key: member.file_size for key, member in storages.items()})
    return Contents(collect_tensors(top), storages)


def check_byte_order(file: IO[bytes], member: ZipInfo | None) -> None:
    """Raises: InputFault where numbers are stored the other way round than on ordinary machines."""
    if member is not None and (member.file_size > MAX_BYTE_ORDER or read_member(file, member) != b"little"):
        raise InputFault("This file was written on a big-endian machine; save it again on an ordinary one.")


def refuse_others(names: list[str]) -> None:
    """Raises: InputFault for the archives that share this container."""
    tails = {name.rpartition("/")[2] for name in names}
    if any("/code/" in name for name in names) or "constants.pkl" in tails:
        raise InputFault(f"This is a TorchScript file, which carries code; {SAVE}.")
    if any(
        name.endswith(("archive_format", "serialized_exported_program.json")) or "/models/" in name for name in names
    ):
        raise InputFault("This is an exported program (.pt2); export the model to ONNX, or submit its state dict.")
    if any(name.endswith(".npy") for name in names):
        raise InputFault(f"This is a NumPy archive (.npz); {SAVE}.")
    if any(name.endswith(("saved_model.pb", "keras_metadata.pb", "model.weights.h5")) for name in names):
        raise InputFault("This is a TensorFlow or Keras model; convert it to ONNX.")
