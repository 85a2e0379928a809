"""Boxes that wait: an engine and, inside its box, a predictor that have loaded their libraries before there is a run.

Loading takes seconds, most of what a short evaluation takes. Each spare is for one run and then gone, as every box is,
so nothing of one file can meet another. Standard library only.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

from evaluation import sandbox


@dataclass(frozen=True)
class Spare:
    """A waiting engine. `root` holds the folders that its box sees; they move into the work folder of its run."""

    process: subprocess.Popen[bytes]
    line: socket.socket
    errors: IO[bytes]
    root: Path
    box: tuple[str, ...]
    is_gpu: bool

    @property
    def is_waiting(self) -> bool:
        return self.process.poll() is None

    def order(self, lock: int, words: Sequence[str]) -> None:
        """Let it run what `engine run` would be given as arguments. It keeps the lock as long as it lives."""
        socket.send_fds(self.line, [json.dumps(list(words)).encode() + b"\n"], [lock])

    def discard(self) -> None:
        """End it unused: without an order it ends by itself."""
        self.line.close()
        self.errors.close()
        if self.process.stdout:
            self.process.stdout.close()
        self.process.wait()
        # A box that was just being set up may wait for ever for the one who was to do it. Once only, as the number of
        # a group that is gone may become another's.
        if self.root.exists():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)


def start_spare(
    folder: Path, guard: tuple[str, ...], environment: dict[str, str], *, gpu: bool, allow_open: bool
) -> Spare:
    """Start one in `folder`, which must be on the file system of the runs' work folders.

    `guard`: words to put before the engine's command. Raises: sandbox.SandboxUnavailable, OSError.
    """
    clear_left(folder)
    root = folder / f"{os.getpid()}-{uuid4().hex}"
    for name in ("box", "predictions"):
        (root / name).mkdir(parents=True)
    box = sandbox.command(read_only=[root / "box"], writable=[root / "predictions"], gpu=gpu, allow_open=allow_open)
    ours, theirs = socket.socketpair()
    errors = (root / "errors.log").open("w+b")
    command = [*guard, sys.executable, "-m", "evaluation.engine", "spare", "--root", str(root), "--", *box]
    with theirs:
        process = subprocess.Popen(
            command,
            stdin=theirs.fileno(),
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
    return Spare(process, ours, errors, root, box, gpu)


def clear_left(folder: Path) -> None:
    """Remove what spares of workers that are no more have left."""
    for root in folder.glob("*-*"):
        pid = root.name.partition("-")[0]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            shutil.rmtree(root, ignore_errors=True)
