"""A file of which only pieces are here: the form sends its beginning and its end before it sends the file."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.contract import InputFault
from evaluation.static_check import legacy, onnx, refusals, safetensors, zips
from evaluation.static_check.verdict import Verdict

HEAD_BYTES = 4096
LEGACY_BYTES = 16 * 2**20


class Unseen(Exception):
    """These bytes decide, and are not among the pieces."""

    def __init__(self, begin: int, end: int) -> None:
        super().__init__(f"bytes {begin} to {end}")
        self.begin, self.end = begin, end


@dataclass(frozen=True)
class Piece:
    """Bytes of the file from `begin` on."""

    begin: int
    data: bytes

    @property
    def end(self) -> int:
        return self.begin + len(self.data)


class Glimpse(io.RawIOBase):
    """Reads like the whole file. Raises: Unseen where it would read what was not sent."""

    def __init__(self, pieces: Sequence[Piece], size: int) -> None:
        self.pieces, self.size, self.position = pieces, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        # A damaged directory may point before the file's beginning, as in a real file.
        if start + offset < 0:
            raise ValueError("before the beginning of the file")
        self.position = start + offset
        return self.position

    def read(self, count: int | None = -1) -> bytes:
        wanted = self.size - self.position if count is None or count < 0 else count
        begin, end = self.position, min(self.size, self.position + wanted)
        if begin >= end:
            return b""
        piece = next((each for each in self.pieces if each.begin <= begin and end <= each.end), None)
        if piece is None:
            raise Unseen(begin, end)
        self.position = end
        return piece.data[begin - piece.begin : end - piece.begin]


def check(pieces: Sequence[Piece], size: int, name: str) -> Verdict:
    """Return what the pieces tell of the file, without its tensors where they cannot. The whole file is checked later.

    Raises: InputFault with one plain sentence; Unseen where further bytes are needed.
    """
    file = Glimpse(pieces, size)
    head = file.read(min(size, HEAD_BYTES))
    file.seek(0)
    refusals.check_head(head, size, name)
    try:
        if head.startswith(b"PK\x03\x04"):
            return zips.check(file, size)  # type: ignore[arg-type]
        if legacy.MAGIC in head[:64]:
            return check_legacy(pieces, size)
        if safetensors.is_likely(head, size):
            return safetensors.check(file, size)  # type: ignore[arg-type]
        if onnx.is_likely(head):
            return Verdict("onnx", size)
    # As for a whole file: whatever a damaged one makes of a parser is the file's fault.
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, EOFError, RecursionError) as error:
        if isinstance(error, InputFault):
            raise
        raise InputFault(f"{name} is damaged or was made to look like a weights file; save it again.") from error
    raise refusals.refuse_unknown(head, name)


def check_legacy(pieces: Sequence[Piece], size: int) -> Verdict:
    """Read the pickles that the file begins with. Raises: InputFault; Unseen where they may go on."""
    head = max((piece for piece in pieces if piece.begin == 0), key=lambda piece: piece.end)
    wanted = min(size, LEGACY_BYTES)
    try:
        return Verdict("state_dict", size, legacy.read_shapes(head.data))
    except InputFault:
        if len(head.data) < wanted:
            raise Unseen(0, wanted) from None
        raise
