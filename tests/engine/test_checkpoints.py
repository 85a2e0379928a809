"""Checkpoints are read without unpickling: what is taken is to the bit what `torch.load` gives, the rest is refused."""

import argparse
import collections
import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from evaluation.contract import InputFault
from evaluation.engine.formats.checkpoint import read_checkpoint
from evaluation.static_check import check

BASE = torch.arange(24, dtype=torch.float32)
NORM = nn.BatchNorm2d(3)
TENSORS = {
    "plain": torch.randn(3, 4, generator=torch.Generator().manual_seed(1)),
    "view": BASE[3:9].view(2, 3),
    "every other": BASE[::2],
    "column": BASE.view(4, 6)[:, 2],
    "transposed": torch.arange(6.0).view(2, 3).t(),
    "channels last": torch.arange(24.0).view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
    "shared": BASE,
    "overlapping": BASE.as_strided((2, 3), (1, 1), 4),
    "counter": torch.tensor(7),
    "empty": torch.empty(0, 3),
    "empty view": BASE[24:],
    "parameter": nn.Parameter(torch.ones(2)),
    "one expanded": torch.ones(1).expand(1, 1),
    **{str(kind): torch.tensor([1.5, -2.0, 0.0]).to(kind) for kind in (torch.float16, torch.bfloat16, torch.float64)},
    **{str(kind): torch.tensor([0, 1, 7], dtype=kind) for kind in (torch.int64, torch.int32, torch.int16, torch.int8)},
    **{str(kind): torch.tensor([0, 1, 1], dtype=kind) for kind in (torch.uint8, torch.bool)},
}
BESIDE: dict[str, Any] = {
    "args": argparse.Namespace(lr=0.1, data=Path("/data"), steps=[1, 2]),
    "best": np.float64(91.7),
    "confusion": np.eye(300),
    "history": collections.defaultdict(list, {"loss": [0.5]}),
    "random": (np.random.RandomState(1).get_state(), torch.Generator().manual_seed(1).get_state()),
    "by class": {(1, 2): 3, None: 4, 0.5: 5},
    "set": {1, 2},
    "complex": 1 + 2j,
    "bytes": b"abc",
    "large": 2**70,
    "optimizer": torch.optim.SGD([nn.Parameter(torch.ones(1))], 0.1).state_dict(),
}


def save(path: Path, whole: object, protocol: int = 2, *, is_zip: bool = True) -> Path:
    torch.save(whole, path, pickle_protocol=protocol, _use_new_zipfile_serialization=is_zip)
    return path


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("protocol", range(1, 6))
def test_tensors_are_those_of_torch_load(tmp_path: Path, protocol: int, is_zip: bool) -> None:
    path = save(tmp_path / "checkpoint.pth", TENSORS | {"norm": NORM.state_dict(), **BESIDE}, protocol, is_zip=is_zip)
    assert check(path).tensors == len(TENSORS) + len(NORM.state_dict())
    found = read_checkpoint(path)
    # The file is our own: torch's careful reader takes two of the protocols, and none of what lies beside.
    loaded = torch.load(path, weights_only=False)
    expected = {name: loaded[name] for name in TENSORS} | {f"norm.{name}": t for name, t in loaded["norm"].items()}
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert (found[name].dtype, found[name].stride()) == (tensor.dtype, tensor.stride()), name
        assert found[name].storage_offset() == tensor.storage_offset(), name
        assert torch.equal(found[name], tensor), name


def test_views_of_one_storage_share_it_again(tmp_path: Path) -> None:
    found = read_checkpoint(save(tmp_path / "checkpoint.pth", TENSORS))
    found["shared"][3] = 100
    assert found["view"][0, 0] == 100
    found["overlapping"][0, 1] = 200
    assert found["overlapping"][1, 0] == found["shared"][5] == 200


def test_file_is_not_changed_through_its_tensors(tmp_path: Path) -> None:
    path = save(tmp_path / "checkpoint.pth", {"w": torch.ones(4)})
    before = path.read_bytes()
    read_checkpoint(path)["w"].zero_()
    assert path.read_bytes() == before


def test_file_without_sums_and_with_letters_in_its_name_is_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        path = save(tmp_path / "Gewichte für später 权重.pth", TENSORS)
    finally:
        torch.serialization.set_crc32_options(True)
    assert torch.equal(read_checkpoint(path)["plain"], TENSORS["plain"])


class Noted(torch.Tensor):
    """A tensor of somebody's own."""


def quantise() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)


def turn_round(content: bytes) -> bytes:
    """Return the checkpoint as a big-endian machine would mark it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"big" if name.endswith("/byteorder") else old.read(name))
    return out.getvalue()


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "module": (lambda: NORM, "an object of torch.nn.modules.batchnorm.BatchNorm2d, which is never opened"),
    "class of its own": (lambda: {"w": torch.ones(4).as_subclass(Noted)}, "tests.engine.test_checkpoints.Noted"),
    "sparse": (lambda: {"w": torch.eye(3).to_sparse()}, "sparse tensors, which are not evaluated"),
    "quantised": (lambda: {"w": quantise()}, "quantised tensors, which are not evaluated"),
    "meta": (lambda: {"w": torch.ones(3, device="meta")}, "without data"),
    "nested": (lambda: {"w": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])}, "nested tensors"),
    "complex": (lambda: {"w": torch.ones(2, dtype=torch.complex64)}, "complex numbers, which are not evaluated"),
    "float8": (lambda: {"w": torch.ones(2).to(torch.float8_e4m3fn)}, "of a type that only newer PyTorch stores"),
    "uint16": (lambda: {"w": torch.ones(2).to(torch.uint16)}, "of a type that only newer PyTorch stores"),
    "expanded": (lambda: {"w": torch.ones(1).expand(5)}, "expanded from fewer numbers"),
    "windows": (lambda: {"w": BASE.unfold(0, 8, 4)}, "expanded from fewer numbers"),
    "bare tensor": (lambda: torch.ones(2), "a bare tensor"),
    "no tensor": (lambda: {"epoch": 3}, "no tensors"),
    "text": (lambda: "weights", "no state dict"),
}


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_evaluated_is_refused_by_name(tmp_path: Path, name: str, is_zip: bool) -> None:
    make, sentence = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = save(tmp_path / "checkpoint.pth", make(), is_zip=is_zip)
    with pytest.raises(InputFault, match=sentence):
        check(path)


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_numbers_turned_round_are_refused_by_name(tmp_path: Path, is_zip: bool) -> None:
    path = save(tmp_path / "checkpoint.pth", {"w": torch.ones(4)}, is_zip=is_zip)
    content = path.read_bytes()
    little = b"little_endianq\x02\x88"
    assert is_zip or little in content
    path.write_bytes(turn_round(content) if is_zip else content.replace(little, little[:-1] + b"\x89"))
    with pytest.raises(InputFault, match="big-endian"):
        check(path)
