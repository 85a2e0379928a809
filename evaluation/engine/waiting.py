"""An engine that has started its box before it knows what to run, and is told over its standard input.

The other end is `evaluation.spares`. What it is told are the arguments of `run`, with a lock that it keeps meanwhile.
"""

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from evaluation.engine.child import Child, start_child

MOST_BYTES = 65_536


def wait_for_run(root: Path, box: tuple[str, ...], run: Callable[[list[str], Child], None]) -> None:
    """Start the predictor behind the words of `box`, wait for arguments, and run with them. Without any, end."""
    # Which libraries the run needs is not known yet.
    with start_child(box, "all", root) as child:
        if words := receive():
            child.wait_for_start()
            run(words, child)


def receive() -> list[str]:
    """Return the arguments, or none where the other end closed. The lock that comes along stays open."""
    with socket.socket(fileno=sys.stdin.fileno()) as line:
        data, _locks, _flags, _address = socket.recv_fds(line, MOST_BYTES, 1)
        while data and not data.endswith(b"\n"):
            data += line.recv(MOST_BYTES)
        line.detach()
    return list(json.loads(data)) if data else []


def move_in(root: Path, work: Path) -> None:
    """Put the folders that the box sees in their place in the run's work folder. The box sees them where they were."""
    for name in ("box", "predictions"):
        # Empty: a run that goes on from an earlier attempt gets a box of its own.
        (work / name).rmdir()
        (root / name).rename(work / name)
