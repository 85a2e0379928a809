"""The portal's processes as children of the demo: web server, worker, scheduler."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from demo.words import DemoFailed

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 10


def run_step(*arguments: str, environment: Mapping[str, str]) -> None:
    """Run `python <arguments>` to its end. Raises: DemoFailed with its last words.

    Where the demo is ended meanwhile, so is all that the step has started: workers that train a model would wait for
    another one for ever.
    """
    command = [sys.executable, *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=dict(environment), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            _, errors = process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        raise DemoFailed(f"`python {' '.join(arguments)}` failed:\n{errors.strip()[-2000:]}")


def commands(port: int) -> dict[str, list[str]]:
    celery = ["-m", "celery", "-A", "portal", "worker", "--pool", "solo", "--without-gossip", "--without-mingle"]
    return {
        "web": ["-m", "gunicorn", "portal.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "8", "--timeout", "120"],
        "worker": [*celery, "--queues", "cpu,gpu", "--hostname", "worker@demo"],
        "scheduler": [*celery, "--queues", "control", "--hostname", "scheduler@demo", "--beat"],
    }


class Portal:
    """The running processes, each with its log in `logs`."""

    def __init__(self, port: int, logs: Path, environment: Mapping[str, str]) -> None:
        self.logs = logs
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)
        for name, arguments in commands(port).items():
            with (logs / f"{name}.log").open("wb") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, *arguments],
                    cwd=ROOT,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C reaches the demo alone, which ends its children in order.
                    start_new_session=True,
                )

    def check(self) -> None:
        """Raises: DemoFailed where a process has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                last = (self.logs / f"{name}.log").read_text(errors="replace").strip().splitlines()[-12:]
                raise DemoFailed(f"The {name} process ended. Its last lines:\n" + "\n".join(last))

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
