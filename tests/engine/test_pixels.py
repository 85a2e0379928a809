"""The pixel store gives what decoding anew gives, and a disk without room for it changes nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluation.contract import Protocol
from evaluation.engine.dataset import index_dataset
from evaluation.engine.pixels import write_pixels
from tests.engine.conftest import ROOT

PROTOCOL = Protocol(40, 32)
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from evaluation.contract import Protocol
from evaluation.engine.dataset import index_dataset
from evaluation.engine.pixels import write_pixels
images, store, target = map(Path, sys.argv[1:])
order = np.random.default_rng(0).permutation(18)
print(write_pixels(index_dataset(images), Protocol(40, 32), store, order, target, lambda done, total: None))
"""


def write(images: Path, store: Path, target: Path) -> bool:
    order = np.random.default_rng(0).permutation(18)
    return write_pixels(index_dataset(images), PROTOCOL, store, order, target, lambda done, total: None)


def test_stored_pixels_are_used_again(images: Path, tmp_path: Path) -> None:
    assert write(images, tmp_path, tmp_path / "first")
    assert write(images, tmp_path, tmp_path / "second")
    assert len(list(tmp_path.glob("*.npy"))) == 1
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def can_mount() -> bool:
    command = ["unshare", "-r", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no small file system can be mounted here (unshare)")
def test_full_disk_does_without_the_store(images: Path, tmp_path: Path) -> None:
    store, target = tmp_path / "store", tmp_path / "target"
    store.mkdir()
    inside = f'mount -t tmpfs -o size=16k tmpfs {store} && exec "$@"'
    command = ["unshare", "-r", "-m", "sh", "-c", inside, "sh", sys.executable, "-c", SCRIPT, images, store, target]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")
    write(images, tmp_path, tmp_path / "expected")
    assert target.read_bytes() == (tmp_path / "expected").read_bytes()
