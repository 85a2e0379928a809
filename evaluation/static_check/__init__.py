"""Static check of a weights file, before anything is unpickled. (First version: by magic bytes.)"""

from dataclasses import dataclass
from pathlib import Path

from evaluation.contract import InputFault


@dataclass(frozen=True)
class Verdict:
    format: str
    size_bytes: int
    tensors: int
    parameters: int


def check(path: str | Path, *, filename: str | None = None) -> Verdict:
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(16)
    size = path.stat().st_size
    if head[:2] in (b"PK", b"\x80\x02"):
        return Verdict("state_dict", size, 0, 0)
    if head[8:9] == b"{":
        return Verdict("safetensors", size, 0, 0)
    raise InputFault(f"{filename or path.name} is no weights file we know; save a state dict or safetensors.")
