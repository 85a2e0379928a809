"""Files with changed bytes: each is judged, nothing in one is run, and what is taken can be read or is refused."""

import codecs
import io
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from evaluation.contract import InputFault
from evaluation.engine.formats import read_tensors
from evaluation.static_check import check
from tests.safety.files import onnx, part, tensor_proto

MUTANTS = 250
STATE = {"conv.weight": torch.ones(4, 3, 3, 3), "bn.weight": torch.ones(4), "n": torch.tensor(3)}
# What a pickle, or whatever else is run, gives away of itself.
EVENTS = {"os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "pickle.find_class", "socket.connect", "exec"}


def save_state(*, is_zip: bool) -> bytes:
    out = io.BytesIO()
    torch.save({"state_dict": STATE, "epoch": 3}, out, _use_new_zipfile_serialization=is_zip)
    return out.getvalue()


def make_graph() -> bytes:
    node = part(1, part(1, b"x") + part(2, b"y") + part(4, b"Relu"))
    return onnx(node, tensor_proto(part(1, 4), part(2, 1), part(9, bytes(16))))


ORIGINALS = {
    "zip": lambda: save_state(is_zip=True),
    "legacy": lambda: save_state(is_zip=False),
    "safetensors": lambda: save(STATE),
    "onnx": make_graph,
}


def mutate(original: bytes, draw: random.Random) -> bytes:
    """Change, turn over, cut out or put in bytes, at one place or at a few."""
    data = bytearray(original)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 16))):
        place, how = draw.randrange(len(data)), draw.randrange(4)
        if how == 0:
            data[place] = draw.randrange(256)
        elif how == 1:
            data[place] ^= 1 << draw.randrange(8)
        elif how == 2:
            del data[place : place + draw.randrange(1, 9)]
        else:
            data[place:place] = draw.randbytes(draw.randrange(1, 5))
    return bytes(data)


class Ear:
    """Hears what the interpreter does while it listens. A hook stays for good, so there is one."""

    def __init__(self) -> None:
        self.heard: list[str] | None = None
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: Any) -> None:
        if self.heard is not None and event in EVENTS:
            self.heard.append(f"{event} {arguments}")


@pytest.fixture(scope="module")
def ear() -> Iterator[Ear]:
    # The letters of old archives' names are a module of their own, which is loaded when it is needed first.
    codecs.lookup("cp437")
    ear = Ear()
    yield ear
    ear.heard = None


def judge(path: Path) -> tuple[str, bool]:
    """Return the sentence of a refusal, and whether the check took the file. What it takes is read as well."""
    is_taken = False
    try:
        kind = check(path).format
        is_taken = True
        if kind != "onnx":
            read_tensors(path, kind)
    except InputFault as fault:
        return str(fault), is_taken
    return "", is_taken


@pytest.mark.parametrize("kind", ORIGINALS)
def test_changed_files_are_judged_and_never_run(tmp_path: Path, ear: Ear, kind: str) -> None:
    original, draw = ORIGINALS[kind](), random.Random(1)
    path, taken = tmp_path / "weights", 0
    path.write_bytes(original)
    check(path)
    for _ in range(MUTANTS):
        path.write_bytes(mutate(original, draw))
        ear.heard = []
        sentence, is_taken = judge(path)
        heard, ear.heard = ear.heard, None
        assert heard == []
        assert sentence.isprintable()
        taken += is_taken
    # Without this all would be refused for one byte that is always wrong.
    assert taken > 0
