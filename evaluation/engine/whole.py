"""Files that are there as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def put_whole(target: Path) -> Iterator[Path]:
    """Yield the file to write, which is put in place at the end: a killed writer leaves nothing half done."""
    partial = target.with_suffix(f".{os.getpid()}.partial")
    try:
        yield partial
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
