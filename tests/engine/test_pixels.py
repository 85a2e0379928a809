"""The pixel store gives what decoding anew gives, and a disk without room for it changes nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluation.contract import Protocol
from evaluation.engine import pixels
from evaluation.engine.dataset import index_dataset
from evaluation.engine.pixels import Pixels, keep_pixels, lay_pixels, write_at
from tests.engine.conftest import ROOT

PROTOCOL = Protocol(40, 32)
ORDER = np.random.default_rng(0).permutation(18)[:17]
SCRIPT = """
import sys
from pathlib import Path
from evaluation.contract import Protocol
from evaluation.engine.dataset import index_dataset
from evaluation.engine.pixels import keep_pixels
images, store = map(Path, sys.argv[1:])
print(keep_pixels(index_dataset(images), Protocol(40, 32), store, lambda done, total: None))
"""


def keep(images: Path, store: Path) -> Pixels:
    stored = keep_pixels(index_dataset(images), PROTOCOL, store, lambda done, total: None)
    assert stored is not None
    return stored


def test_stored_pixels_are_used_again(images: Path, tmp_path: Path) -> None:
    first = keep(images, tmp_path)
    (file,) = tmp_path.glob("*.npy")
    kept_at = file.stat().st_mtime_ns
    assert np.array_equal(keep(images, tmp_path), first)
    assert [path.stat().st_mtime_ns for path in tmp_path.glob("*.npy")] == [kept_at]


def test_pixels_are_where_they_are_said_to_be(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader opens the file at the first word, and finds at each what has been told by then."""
    monkeypatch.setattr(pixels, "BLOCK", 5)
    stored, target, told = keep(images, tmp_path), tmp_path / "laid.npy", []
    for count in lay_pixels(stored, ORDER, target):
        told.append(count)
        laid = np.load(target, mmap_mode="r")
        assert laid.shape == (17, 32, 32, 3)
        assert np.array_equal(laid[:count], stored[ORDER[:count]])
    assert told == [0, 5, 10, 15, 17]


def test_pieces_that_the_system_takes_make_up_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, data = os.pwrite, bytes(range(100))
    monkeypatch.setattr(os, "pwrite", lambda file, piece, place: whole(file, piece[:7], place))
    with (tmp_path / "file").open("wb", buffering=0) as file:
        write_at(file.fileno(), memoryview(data), 3)
    assert (tmp_path / "file").read_bytes() == bytes(3) + data


def can_mount() -> bool:
    command = ["unshare", "-r", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no small file system can be mounted here (unshare)")
def test_full_disk_has_no_store(images: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    inside = f'mount -t tmpfs -o size=16k tmpfs {store} && exec "$@"'
    command = ["unshare", "-r", "-m", "sh", "-c", inside, "sh", sys.executable, "-c", SCRIPT, images, store]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("None\n", "")
    assert list(store.iterdir()) == []
