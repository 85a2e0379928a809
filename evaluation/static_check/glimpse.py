"""A file of which only pieces are here: the form sends its beginning and its end before it sends the file."""

from collections.abc import Sequence

from evaluation.contract import InputFault
from evaluation.static_check import legacy, onnx, refusals, safetensors, zips
from evaluation.static_check.pickles import MAX_PICKLE
from evaluation.static_check.pieces import Glimpse, Piece, Unseen, Window
from evaluation.static_check.verdict import Verdict

__all__ = ["Piece", "Unseen", "check"]

HEAD_BYTES = 4096


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
        if legacy.is_likely(head):
            return check_legacy(pieces, size)
        if safetensors.is_likely(head, size):
            return safetensors.check(file, size)  # type: ignore[arg-type]
        if onnx.is_likely(head):
            return onnx.check_pieces(Window(pieces), size)
    # As for a whole file: whatever a damaged one makes of a parser is the file's fault.
    except refusals.DAMAGE as error:
        if isinstance(error, InputFault):
            raise
        raise InputFault(f"{name} is damaged or was made to look like a weights file; save it again.") from error
    raise refusals.refuse_unknown(head, name)


def check_legacy(pieces: Sequence[Piece], size: int) -> Verdict:
    """Read the pickles that the file begins with. Raises: InputFault; Unseen where they may go on."""
    head = max((piece for piece in pieces if piece.begin == 0), key=lambda piece: piece.end)
    wanted = min(size, MAX_PICKLE)
    try:
        return legacy.describe(legacy.read_opening(head.data), size)
    except refusals.DAMAGE:
        if len(head.data) < wanted:
            raise Unseen(0, wanted) from None
        raise
