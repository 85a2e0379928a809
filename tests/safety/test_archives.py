"""The zip around a checkpoint: what PyTorch writes is read; what two readers could take for two archives is not."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.contract import InputFault
from evaluation.static_check import check
from tests.safety.files import state_dict, tensor, weights, zipped
from tests.safety.work import refuse

PICKLE, STORAGE = state_dict(tensor()), bytes(16)
WHOLE = weights()
# Of an entry of the directory: where its sizes and the member's place stand.
ENTRY, SIZES, PLACE = b"PK\x01\x02", 20, 42


class Pipe(io.BytesIO):
    """Cannot be wound back: so zipfile writes each member's sizes and sum behind it."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError("a pipe")

    def seek(self, offset: int, whence: int = 0) -> int:
        raise OSError("a pipe")


def stream() -> bytes:
    out = Pipe()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/data.pkl", PICKLE)
        archive.writestr("a/data/0", STORAGE)
    return out.getvalue()


def write_large() -> bytes:
    """Return the archive with the fields that files over 4 GiB need."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in {"a/data.pkl": PICKLE, "a/data/0": STORAGE}.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(content)
    return out.getvalue()


@pytest.mark.parametrize("make", [stream, write_large], ids=["sizes behind", "zip64"])
def test_archives_of_every_way_to_write_them_are_read(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(make())
    assert check(path).shapes == {"w": (4,)}


def change_entry(number: int, at: int, layout: str, *values: int) -> bytes:
    """Return the archive with these numbers in one entry of its directory."""
    content = bytearray(WHOLE)
    begin = -1
    for _ in range(number + 1):
        begin = content.index(ENTRY, begin + 1)
    struct.pack_into(layout, content, begin + at, *values)
    return bytes(content)


def change_end(at: int, layout: str, *values: int) -> bytes:
    content = bytearray(WHOLE)
    struct.pack_into(layout, content, len(content) - 22 + at, *values)
    return bytes(content)


def write_twice() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/data.pkl", PICKLE)
        archive.writestr("a/data/0", STORAGE)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a/data.pkl", b"\x80\x02}.")
    return out.getvalue()


DIRECTORY = "its directory cannot be read"
LYING = "overlap or have lying sizes"
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a name twice": (write_twice, "stands twice"),
    "packed": (lambda: zipped({"a/data.pkl": PICKLE}, zipfile.ZIP_DEFLATED), "compressed or encrypted"),
    "a packed program": (
        lambda: zipped({"a/data.pkl": PICKLE, "a/code/net.py": b"x"}, zipfile.ZIP_DEFLATED),
        "a TorchScript file",
    ),
    "packed pictures": (lambda: zipped({"a/1.png": b"x"}, zipfile.ZIP_DEFLATED), "without a state dict in it"),
    "a packed storage": (lambda: change_entry(1, 10, "<H", 8), "compressed or encrypted"),
    "encrypted": (lambda: change_entry(1, 8, "<H", 1), "compressed or encrypted"),
    "of a later version": (lambda: change_entry(1, 6, "<H", 99), DIRECTORY),
    "sizes that differ": (lambda: change_entry(1, SIZES, "<LL", 16, 15), LYING),
    "a storage over the next": (lambda: change_entry(0, SIZES, "<LL", *[len(PICKLE) + 20] * 2), LYING),
    "a member in another": (lambda: change_entry(1, PLACE, "<L", 4), LYING),
    "a member of gigabytes": (lambda: change_entry(1, SIZES, "<LL", 2**31, 2**31), "reaches beyond its end"),
    "a member past the end": (lambda: change_entry(1, PLACE, "<L", 2**31), "reaches beyond its end"),
    "zip64 of nothing": (lambda: change_entry(1, SIZES, "<LL", 2**32 - 1, 2**32 - 1), "reaches beyond its end"),
    "a directory of gigabytes": (lambda: change_end(12, "<L", 2**31), DIRECTORY),
    "a directory before the file": (lambda: change_end(16, "<L", 2**31), LYING),
    "a directory cut short": (lambda: change_end(12, "<L", 50), DIRECTORY),
    "a note": (lambda: change_end(20, "<H", 9) + bytes(9), DIRECTORY),
    "a page behind": (lambda: WHOLE + b"<html>", DIRECTORY),
    "an archive behind": (lambda: WHOLE + WHOLE, LYING),
    "a file before": (lambda: b"PK\x03\x04" + bytes(60) + WHOLE, LYING),
    "a header of another name": (lambda: WHOLE.replace(b"archive/data.pkl", b"archive/DATA.pkl", 1), LYING),
    "a name with an end": (lambda: WHOLE.replace(b"archive/data/0", b"archive/data\0\x30"), "odd path"),
    "no directory": (lambda: WHOLE[: WHOLE.index(ENTRY)], DIRECTORY),
}


@pytest.mark.parametrize("name", REFUSED)
def test_archive_that_is_not_as_pytorch_writes_it_is_refused(tmp_path: Path, name: str) -> None:
    make, sentence = REFUSED[name]
    path = tmp_path / "weights.pth"
    path.write_bytes(make())
    assert sentence in refuse(path)


def test_member_is_held_against_its_sum(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(WHOLE.replace(b"FloatStorage", b"LongStorage\n", 1))
    with pytest.raises(InputFault, match=DIRECTORY):
        check(path)
