"""Bytes of a file of which only pieces are here."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from evaluation.static_check.protobuf import MAX_FIELDS

# What is read next mostly follows, and each piece that is asked for is a request.
AHEAD = 4096


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
            raise Unseen(begin, min(self.size, end + AHEAD))
        self.position = end
        return piece.data[begin - piece.begin : end - piece.begin]


class Window:
    """The pieces by their place in the file. Raises: Unseen where bytes are asked for that were not sent."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces, self.left = pieces, MAX_FIELDS

    @property
    def tail(self) -> int:
        """Return where the last piece begins."""
        return max(piece.begin for piece in self.pieces)

    @overload
    def __getitem__(self, key: int, /) -> int: ...
    @overload
    def __getitem__(self, key: slice, /) -> bytes: ...
    def __getitem__(self, key: int | slice, /) -> int | bytes:
        begin, end = (key, key + 1) if isinstance(key, int) else (key.start, key.stop)
        for piece in self.pieces:
            if piece.begin <= begin and end <= piece.end:
                found = piece.data[begin - piece.begin : end - piece.begin]
                return found[0] if isinstance(key, int) else found
        raise Unseen(begin, end)
