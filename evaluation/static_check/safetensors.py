"""safetensors: eight bytes of header length, a JSON header, then the tensors' bytes.

Source: the format's description in its own repository (huggingface/safetensors, README).
"""

import json
from math import prod
from typing import IO, Any

from evaluation.contract import InputFault
from evaluation.static_check.verdict import Verdict

MAX_HEADER = 16 * 2**20
MAX_TENSORS = 20_000
MAX_DIMENSIONS = 16
MAX_LENGTH = 2**48
# Signs that make JSON's parser build something: what a tensor's line has, and what metadata may have beside.
SIGNS = (b"[", b"{", b",", b":")
SIGNS_A_TENSOR, OTHER_SIGNS = 40, 50_000
BYTES_A_TENSOR, OTHER_BYTES = 2_000, 2 * 2**20
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
    text = file.read(length)
    count = text.count(b'"data_offsets"')
    if count > MAX_TENSORS:
        raise InputFault(f"The file holds {count:,} tensors, more than the {MAX_TENSORS:,} that are taken.")
    # Counting is quick; millions of small objects would take the parser seconds and hundreds of megabytes.
    too_long = length > BYTES_A_TENSOR * count + OTHER_BYTES
    if too_long or sum(map(text.count, SIGNS)) > SIGNS_A_TENSOR * count + OTHER_SIGNS:
        raise InputFault("The header of this safetensors file holds more than its tensors need; save it again.")
    try:
        header = json.loads(text, object_pairs_hook=refuse_doubles)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputFault("The header of this safetensors file is not JSON; it is damaged, save it again.") from error
    if not isinstance(header, dict):
        raise InputFault("The header of this safetensors file is no JSON object; it is damaged, save it again.")
    check_metadata(header.pop("__metadata__", {}))
    if not header:
        raise InputFault("This safetensors file holds no tensors.")
    spans = sorted(read_span(name, entry) for name, entry in header.items())
    end = 0
    for begin, stop, name in spans:
        if begin != end:
            raise InputFault(
                f"The bytes of tensor {name[:80]} do not follow on the tensor before it; the file is damaged."
            )
        end = stop
    if 8 + length + end != size:
        raise InputFault("This safetensors file is shorter or longer than its header says; it is truncated or damaged.")
    return Verdict("safetensors", size, {name: tuple(entry["shape"]) for name, entry in header.items()})


def check_metadata(metadata: object) -> None:
    """Raises: InputFault where it is not texts by name."""
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise InputFault("The metadata of this safetensors file are not texts by name; save it again.")


def refuse_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InputFault("A name stands twice in the header of this safetensors file; save it again.")
    return found


def read_span(name: str, entry: Any) -> tuple[int, int, str]:
    """Return where a tensor's bytes begin and end. Raises: InputFault."""
    shape, (begin, stop), dtype = entry["shape"], entry["data_offsets"], entry["dtype"]
    if not isinstance(dtype, str) or dtype not in BYTES:
        raise InputFault(
            f"The tensor {name[:80]} has the type {str(dtype)[:20]!r}, which is not evaluated; save it as float32."
        )
    whole = [*shape[: MAX_DIMENSIONS + 1], begin, stop]
    if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and 0 <= n <= MAX_LENGTH for n in whole):
        raise InputFault(f"The tensor {name[:80]} has an impossible shape or place; the file is damaged.")
    if prod(shape) * BYTES[dtype] != stop - begin:
        raise InputFault(f"The tensor {name[:80]} has a shape that does not fit its bytes; the file is damaged.")
    return begin, stop, name
