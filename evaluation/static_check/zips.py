"""PyTorch's zip container: stored members, a pickled `data.pkl` and a file a storage. Nothing is extracted to disk."""

import zipfile
from typing import IO

from evaluation.contract import InputFault
from evaluation.static_check import pickles
from evaluation.static_check.refusals import SAVE
from evaluation.static_check.verdict import Verdict

MAX_MEMBERS = 100_000
MAX_PICKLE = 64 * 2**20


def check(file: IO[bytes], size: int) -> Verdict:
    """Raises: InputFault where this is another archive, or one whose parts do not agree."""
    try:
        with zipfile.ZipFile(file) as archive:
            return check_archive(archive, size)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputFault(
            "This file is truncated or damaged: its directory cannot be read. Save it or fetch it again."
        ) from error


def check_archive(archive: zipfile.ZipFile, size: int) -> Verdict:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise InputFault(f"This archive has {len(members):,} members, more than the {MAX_MEMBERS:,} that are taken.")
    names = [member.filename for member in members]
    refuse_others(names)
    check_members(members, size)
    pickle = next(
        (m for m in members if m.filename.rpartition("/")[2] == "data.pkl" and m.filename.count("/") == 1), None
    )
    if pickle is None:
        raise InputFault(f"This is a zip archive without a state dict in it; unpack it, or {SAVE}.")
    if pickle.file_size > MAX_PICKLE:
        raise InputFault("The description of the tensors in this file is larger than 64 MiB; no state dict needs that.")
    root = pickle.filename.partition("/")[0]
    storages = {
        m.filename.removeprefix(f"{root}/data/"): m.file_size for m in members if m.filename.startswith(f"{root}/data/")
    }
    shapes = pickles.check(archive.read(pickle), storages)
    return Verdict("state_dict", size, shapes)


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


def check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    """Raises: InputFault where a member is packed, encrypted, doubled or lies outside the file."""
    seen: set[str] = set()
    end = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise InputFault(
                "The members of this archive are compressed or encrypted; PyTorch stores them plain, save it again."
            )
        if member.file_size != member.compress_size or member.header_offset < end:
            raise InputFault("The members of this archive overlap or have lying sizes; it is damaged, save it again.")
        if member.filename in seen or ".." in member.filename.split("/") or member.filename.startswith("/"):
            raise InputFault("A member of this archive stands twice or has an odd path; save the file again.")
        seen.add(member.filename)
        end = member.header_offset + 30 + member.file_size
        if end > size:
            raise InputFault("This file is truncated: a member reaches beyond its end. Save it or fetch it again.")
