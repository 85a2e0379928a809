"""The portal's processes as a supervisor keeps them: whatever ends is started again."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CELERY = ("-m", "celery", "-A", "portal", "worker", "--pool", "solo", "--without-gossip", "--without-mingle")
# How soon a supervisor starts again what ended.
RESTART_SECONDS = (0.5, 3.0)


class Supervised:
    """One process, in a group of its own, with its log in a file."""

    def __init__(self, name: str, command: tuple[str, ...], logs: Path) -> None:
        self.name, self.command, self.log = name, command, logs / f"{name}.log"
        self.due, self.frozen_until = 0.0, 0.0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def is_up(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill it as the kernel would: at once, and without its children."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def freeze(self, seconds: float) -> None:
        self.signal(signal.SIGSTOP)
        self.frozen_until = time.monotonic() + seconds

    def signal(self, number: signal.Signals) -> None:
        if self.is_up:
            os.kill(self.pid, number)

    def tend(self, draw: random.Random) -> None:
        """Thaw it in time, and start it a moment after it ended."""
        now = time.monotonic()
        if self.frozen_until and now > self.frozen_until:
            self.frozen_until = 0.0
            self.signal(signal.SIGCONT)
        if self.is_up:
            return
        if not self.due:
            self.due = now + draw.uniform(*RESTART_SECONDS)
        elif now > self.due:
            self.due = 0.0
            self.start()

    def end(self) -> None:
        """End it and everything it started."""
        children = [*list_children(self.pid)] if self.is_up else []
        for pid in [*([self.pid] if self.is_up else []), *children]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


def make_processes(port: int, workers: int, logs: Path) -> dict[str, Supervised]:
    """Return web server, scheduler and workers, with the commands of docs/operations.md."""
    commands = {
        "web": ("-m", "gunicorn", "portal.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4"),
        "scheduler": (*CELERY, "--queues", "control", "--hostname", "scheduler@storm", "--beat"),
    }
    for number in range(workers):
        commands[f"worker-{number}"] = (*CELERY, "--queues", "cpu,gpu", "--hostname", f"worker-{number}@storm")
    return {name: Supervised(name, command, logs) for name, command in commands.items()}


def list_children(pid: int) -> Iterator[int]:
    """Yield the processes that this one started and they did, the nearest first."""
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return
    yield from children
    for child in children:
        yield from list_children(child)


def read_words(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    return []
