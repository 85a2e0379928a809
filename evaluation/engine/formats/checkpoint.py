"""PyTorch's own files, zip and legacy, to tensors without unpickling: what the static check describes is put together.

So a file of any pickle protocol, and one with a training script's objects beside the weights, is read as it is, and
nothing in it is ever imported or called. The tensors are views of the mapped file until they are changed.
"""

import mmap
from collections.abc import Mapping
from pathlib import Path

import torch

from evaluation.engine.formats.layouts import Tensors
from evaluation.static_check import legacy, zips
from evaluation.static_check.descriptions import Storage, Tensor
from evaluation.static_check.directory import find_data
from evaluation.static_check.pickles import MAX_PICKLE

DTYPES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
}  # fmt: skip


def read_checkpoint(path: Path) -> Tensors:
    """Return every tensor in the checked file, nested names joined by dots. Raises: InputFault."""
    with path.open("rb") as file:
        size = path.stat().st_size
        # A private mapping: it may be written to, and the file is not.
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        described: Mapping[str, Tensor]
        if data[:4] == b"PK\x03\x04":
            described, members = zips.read_contents(file, size)
            places = {key: find_data(file, member) for key, member in members.items()}
        else:
            opening = legacy.read_opening(data[:MAX_PICKLE])
            described, places = opening.tensors, legacy.find_storages(data, opening, size)
    storages = {tensor.storage.key: tensor.storage for tensor in described.values()}
    # Views of a storage share its numbers, as in the network that was saved.
    numbers = {key: read_storage(data, storage, places[key]) for key, storage in storages.items()}
    return {
        name: numbers[tensor.storage.key].as_strided(tensor.shape, tensor.strides, tensor.offset)
        for name, tensor in described.items()
    }


def read_storage(data: mmap.mmap, storage: Storage, begin: int) -> torch.Tensor:
    """Return all numbers of a storage, which begins there in the file."""
    dtype = DTYPES[storage.kind]
    if not storage.items:
        return torch.empty(0, dtype=dtype)
    # Older files put numbers at odd places, which not every processor reads.
    if begin % storage.item_bytes:
        with memoryview(data) as view, view[begin : begin + storage.items * storage.item_bytes] as part:
            return torch.frombuffer(bytearray(part), dtype=dtype)
    return torch.frombuffer(data, dtype=dtype, count=storage.items, offset=begin)
