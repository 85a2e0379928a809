"""Look at a weights file without loading it: what it is, what is in it, or one sentence why it is refused.

Standard library only. Nothing is unpickled, imported or extracted; tensor data is not read. It is the first of three
gates; the second loads the file inside the box, the third holds it against its architecture.
"""

import stat
from pathlib import Path

from evaluation.contract import InputFault
from evaluation.static_check import legacy, onnx, refusals, safetensors, zips
from evaluation.static_check.verdict import Verdict

__all__ = ["Verdict", "check"]

HEAD_BYTES = 4096


def check(path: str | Path, *, filename: str | None = None) -> Verdict:
    """Return what is in the file, told by its bytes and not by its name.

    Raises: InputFault with one plain sentence: what was found and how to mend it.
    """
    path = Path(path)
    name = filename or path.name
    about = path.stat()
    if stat.S_ISDIR(about.st_mode):
        raise InputFault(f"{name} is a folder; give the weights file itself.")
    # Opening a pipe would wait for somebody to write into it.
    if not stat.S_ISREG(about.st_mode):
        raise InputFault(f"{name} is no ordinary file; give the weights file itself.")
    size = about.st_size
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        refusals.check_head(head, size, name)
        try:
            if head.startswith(b"PK\x03\x04"):
                return zips.check(file, size)
            if legacy.is_likely(head):
                return legacy.check(file, size)
            if safetensors.is_likely(head, size):
                return safetensors.check(file, size)
            if onnx.is_likely(head):
                return onnx.check(file, size)
        # Whatever a damaged file makes of a parser is the file's fault; the parsers bound what they read.
        except refusals.DAMAGE as error:
            if isinstance(error, InputFault):
                raise
            raise InputFault(f"{name} is damaged or was made to look like a weights file; save it again.") from error
    raise refusals.refuse_unknown(head, name)
