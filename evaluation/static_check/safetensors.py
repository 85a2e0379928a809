"""safetensors: eight bytes of header length, a JSON header, then the tensors' bytes.

Source: the format's description in its own repository (huggingface/safetensors, README).
"""

import json
from math import prod
from typing import IO, Any

from evaluation.contract import InputFault
from evaluation.static_check.verdict import Verdict

MAX_HEADER = 16 * 2**20
MAX_TENSORS = 100_000
MAX_DIMENSIONS = 16
BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "U16": 2, "U32": 4,
    "U64": 8, "BOOL": 1,
}  # fmt: skip


def is_likely(head: bytes, size: int) -> bool:
    return size > 8 and head[8:9] == b"{"


def check(file: IO[bytes], size: int) -> Verdict:
    """Raises: InputFault where header and bytes do not agree."""
    length = int.from_bytes(file.read(8), "little")
    if length > MAX_HEADER or 8 + length > size:
        raise InputFault(
            "This safetensors file declares a header longer than itself or than 16 MiB; it is truncated or damaged."
        )
    try:
        header = json.loads(file.read(length), object_pairs_hook=refuse_doubles)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputFault("The header of this safetensors file is not JSON; it is damaged, save it again.") from error
    if not isinstance(header, dict):
        raise InputFault("The header of this safetensors file is no JSON object; it is damaged, save it again.")
    header.pop("__metadata__", None)
    if not header:
        raise InputFault("This safetensors file holds no tensors.")
    if len(header) > MAX_TENSORS:
        raise InputFault(
            f"This safetensors file holds {len(header):,} tensors, more than the {MAX_TENSORS:,} that are taken."
        )
    spans = sorted(read_span(name, entry) for name, entry in header.items())
    end = 0
    for begin, stop, name in spans:
        if begin != end:
            raise InputFault(f"The bytes of tensor {name} do not follow on the tensor before it; the file is damaged.")
        end = stop
    if 8 + length + end != size:
        raise InputFault("This safetensors file is shorter or longer than its header says; it is truncated or damaged.")
    return Verdict("safetensors", size, {name: tuple(entry["shape"]) for name, entry in header.items()})


def refuse_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InputFault("A name stands twice in the header of this safetensors file; save it again.")
    return found


def read_span(name: str, entry: Any) -> tuple[int, int, str]:
    """Return where a tensor's bytes begin and end. Raises: InputFault."""
    shape, (begin, stop), dtype = entry["shape"], entry["data_offsets"], entry["dtype"]
    if dtype not in BYTES:
        raise InputFault(
            f"The tensor {name} has the type {str(dtype)[:20]!r}, which is not evaluated; save it as float32."
        )
    whole = [*shape, begin, stop]
    if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < 2**62 for n in whole):
        raise InputFault(f"The tensor {name} has an impossible shape or place; the file is damaged.")
    if prod(shape) * BYTES[dtype] != stop - begin:
        raise InputFault(f"The tensor {name} has a shape that does not fit its bytes; the file is damaged.")
    return begin, stop, name
