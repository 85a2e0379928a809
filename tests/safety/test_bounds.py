"""Checkpoints that are small and ask for much: each is refused after little work and with little memory."""

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.contract import InputFault
from evaluation.static_check import check
from evaluation.static_check.descriptions import put_pairs
from tests.safety import files
from tests.safety.files import (
    checkpoint,
    legacy,
    state_dict,
    tensor,
    zipped,
)
from tests.safety.work import hold_to_little_work

FOUR = bytes(4)


def pickled(body: bytes) -> bytes:
    """Return a checkpoint whose pickle is this, with one storage."""
    return zipped({"archive/data.pkl": b"\x80\x02" + body + b".", "archive/data/0": bytes(16)})


def text(value: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value


def many_members(count: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(count):
            archive.writestr(f"a/data/{number}", b"")
    return out.getvalue()


def named_storages(count: int, rest: bytes) -> bytes:
    """Return a checkpoint that names as many storages, which earns it room for more."""
    begin = text(b"storage") + b"q\x010ctorch\nFloatStorage\nq\x020" + text(b"cpu") + b"q\x030"
    names = b"".join(b"(h\x01h\x02" + text(b"%d" % n) + b"h\x03K\x01tQ0" for n in range(count))
    members = {f"a/data/{n}": FOUR for n in range(count)}
    return zipped({"a/data.pkl": b"\x80\x02" + begin + names + rest + b"."} | members)


def doubled(times: int) -> bytes:
    """Return a list that holds a list twice, which holds one twice: short to write down, without end to print."""
    lists = b"".join(b"0](h" + bytes([n]) + b"h" + bytes([n]) + b"eq" + bytes([n + 1]) for n in range(times))
    return b"]q\x00" + lists + b"0h" + bytes([times])


def call_again(function: bytes, argument: bytes, times: int) -> bytes:
    """Return calls of one function with the very same arguments."""
    return argument + b"q\x010" + function + b"q\x020" + b"h\x02h\x01\x85R0" * times + b"}"


WHOLE = files.weights()
# A letter of four bytes, which makes four bytes of each other letter beside it.
WIDE = "\U0001f600".encode()
BOMBS: dict[str, Callable[[], bytes]] = {
    "keys that collide": lambda: pickled(
        b"}(" + b"".join(b"\x8a\x10" + (n * (2**61 - 1)).to_bytes(16, "little") + b"N" for n in range(29_000)) + b"u"
    ),
    "name of a storage without end": lambda: pickled(
        doubled(20) + b"(" + text(b"storage") + b"ctorch\nFloatStorage\nh\x14" + text(b"cpu") + b"K\x01tQ"
    ),
    "key of an old storage without end": lambda: legacy(b"\x80\x02}.")[:-6] + b"\x80\x02]" + doubled(20) + b"a.",
    "copies of a dictionary": lambda: pickled(
        call_again(
            b"ccollections\nOrderedDict\n",
            b"}(" + b"".join(b"M" + struct.pack("<H", n) + b"N" for n in range(15_000)) + b"u",
            7_000,
        )
    ),
    "copies of pairs": lambda: pickled(
        call_again(b"ccollections\nOrderedDict\n", b"](" + b"K\x01N\x86" * 15_000 + b"e", 3_000)
    ),
    "one name before hundreds": lambda: zipped(
        {
            "a/data.pkl": b"\x80\x02}" + text(b"w") + tensor() + b"q\x01s" + text(b"k" * 2**19) + b"}("
            + b"".join(text(b"%d" % n) + b"h\x01" for n in range(60)) + b"us.",
            "a/data/0": bytes(16),
        }
    ),
    "one key in thousands": lambda: pickled(
        tensor() + b"q\x010" + text(b"k" * 2**20) + b"q\x020}(" + b"".join(
            b"M" + struct.pack("<H", n) + b"}h\x02h\x01s" for n in range(9_000)
        ) + b"u"
    ),
    "room earned for dictionaries": lambda: named_storages(6_000, b"}" * 600_000),
    "room earned for tuples": lambda: named_storages(6_000, b")" + b"\x85" * 500_000),
    "room earned in an old file": lambda: legacy(
        b"\x80\x02" + b"".join(
            b"(X\x07\0\0\0storagectorch\nFloatStorage\n" + text(b"%d" % n) + b"NK\x01tQ0" for n in range(9_000)
        ) + b"}" * 600_000 + b"."
    ),
    "texts of wide letters": lambda: pickled(b"](" + text(WIDE + b"a" * 900) * 6_000 + b"e"),
    "a text of wide letters": lambda: pickled(text(WIDE + b"a" * (6 * 2**20 - 99))),
    "names of megabytes": lambda: pickled(
        text(b"torch.optim." + b"a" * 2**20) + b"q\x010" + text(b"B") + b"q\x020" + b"h\x01h\x02\x930" * 14_000
    ),
    "tensors made of one another": lambda: pickled(
        b"ctorch._tensor\n_rebuild_from_type_v2\nq\x010ctorch\nTensor\nq\x020Nq\x03"
        + b"0(h\x01h\x02h\x03Ntq\x03" * 900 + b"0" + b"h\x01h\x03R0" * 9_000 + b"}"
    ),
    "a shape of thousands again": lambda: pickled(
        tensor() + b"0(" + b"K\x01" * 20_000 + b"tq\x010ctorch._utils\n_rebuild_tensor_v2\nq\x020(NK\0h\x01h\x01tq\x03"
        + b"h\x02h\x03R0" * 9_000 + b"}"
    ),
    "millions of operations": lambda: pickled(b"}" + b"K\x01Ns" * 500_000),
    "millions of marks": lambda: pickled(b"(" * 1_000_000),
    "millions of notes": lambda: pickled(b"}" + b"".join(b"r" + struct.pack("<I", n) for n in range(500_000))),
    "operations in an old file": lambda: legacy(b"\x80\x02}" + b"K\x01Ns" * 500_000 + b"."),
    "name around name": lambda: pickled((b"}" + text(b"k" * 1000)) * 9_000 + tensor() + b"s" * 9_000),
    "dictionaries in dictionaries": lambda: pickled(b"}K\x01" * 100 + tensor() + b"s" * 100),
    "a text of megabytes": lambda: pickled(b"}" + text(b"k" * 2**21) + b"Ns"),
    "a description of 7 MiB": lambda: pickled(text(b"k" * 7 * 2**20)),
    "a tensor of thousands of dimensions": lambda: files.weights(tensor(shape=(2**60,) * 2000, stride=(1,) * 2000)),
    "a length of nothing": lambda: files.weights(tensor(shape=(0, 2**62), stride=(1, 1))),
    "a storage of exabytes": lambda: files.weights(tensor(items=2**61)),
    "one storage a thousand times": lambda: pickled(
        b"}" + b"".join(text(b"%d" % n) + tensor() + b"s" for n in range(400))
    ),
    "half a letter for a name": lambda: pickled(state_dict(tensor(), text(b"\xed\xa0\x80"))[2:-1]),
    "a number for a shape": lambda: pickled(
        b"}" + text(b"w") + tensor().replace(b"(\x8a\x09\x04", b"(\x85\x8a\x09\x04", 1)
    ),
    "tuple of no tuple": lambda: pickled(b"}" + text(b"w") + b"ctorch._utils\n_rebuild_tensor_v2\n(NNNNtRs"),
    "a number for a storage": lambda: pickled(b"K\x01Q"),
    "60,000 members": lambda: many_members(60_000),
    "a program before the archive": lambda: b"PK\x03\x04" + bytes(96) + WHOLE,
    "something after the archive": lambda: WHOLE + b"<script>",
    "a note after the archive": lambda: WHOLE[:-2] + struct.pack("<H", 9) + b"x" * 9,
    "two state dicts": lambda: zipped({"a/data.pkl": state_dict(tensor()), "b/data.pkl": b".", "a/data/0": bytes(16)}),
    "another name in the member": lambda: WHOLE.replace(b"archive/data.pkl", b"archive/evil.pkl", 1),
    "another sum": lambda: WHOLE.replace(b"FloatStorage", b"HalfStorages", 1),
    "bytes turned round": lambda: checkpoint(state_dict(tensor()), **{"archive/byteorder": b"big"}),
    "another magic number": lambda: legacy(b"N.").replace(b"\xa8\x50\x19", b"\xa8\x50\x20", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_file_that_asks_for_much_is_refused_with_little_work(tmp_path: Path, name: str) -> None:
    hold_to_little_work(tmp_path / "weights.bin", BOMBS[name]())


@pytest.mark.parametrize(("make", "why"), [(os.mkdir, "is a folder"), (os.mkfifo, "no ordinary file")])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, make: Callable[[str], None], why: str) -> None:
    make(str(tmp_path / "weights"))
    with pytest.raises(InputFault, match=why):
        check(tmp_path / "weights")


def test_old_protocols_are_read(tmp_path: Path) -> None:
    """Python 2 wrote numbers as digits and text as bytes."""
    body = b"(dU\x01w" + tensor() + b"sU\x05epochL12L\nsU\x04bestI01\ns"
    path = tmp_path / "weights.pth"
    path.write_bytes(pickled(body))
    assert check(path).shapes == {"w": (4,)}


def test_objects_beside_the_weights_are_passed_over(tmp_path: Path) -> None:
    options = pickle.dumps(Path("/data"), protocol=2)[2:-1]
    path = tmp_path / "weights.pth"
    path.write_bytes(pickled(b"}" + text(b"w") + tensor() + b"s" + text(b"data") + options + b"s"))
    assert check(path).shapes == {"w": (4,)}


def test_keys_become_texts_which_nobody_can_make_collide() -> None:
    """Whole numbers that differ by 2^61 - 1 have one hash: of 30,000 each is compared with all before it."""
    found: dict[str, int] = {}
    pairs = [(n * (2**61 - 1), n) for n in range(9)] + [
        ("w", 1),
        (True, 2),
        (None, 3),
        (0.5, 4),
        ((1, 2), 5),
        (2**70, 6),
    ]
    put_pairs(found, pairs)
    assert list(found) == [str(n * (2**61 - 1)) for n in range(9)] + ["w", "True"]
