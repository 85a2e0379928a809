"""Real worker processes for tests: started, watched, killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0


@dataclass(frozen=True)
class WorkerProcess:
    """A Celery worker in a process group of its own, with its log in a file."""

    name: str
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        """Kill the worker as the kernel would: at once, and without its children."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """End the worker and everything it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start_worker_process(
    name: str,
    *,
    database: str,
    log_dir: Path,
    queues: str = "cpu,gpu",
    beat: bool = False,
    env: Mapping[str, str] | None = None,
) -> WorkerProcess:
    """Start a worker on the test database and wait until it takes messages. Raises: AssertionError with its log."""
    command = [sys.executable, "-m", "celery", "-A", "portal", "worker", "--queues", queues, "--pool", "solo"]
    command += ["--hostname", f"{name}@test", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    if beat:
        command += ["--beat", "--schedule", str(log_dir / f"{name}-schedule")]
    variables = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "VERIBOARD_TEST_DATABASE": database,
        "OMP_NUM_THREADS": "1",
        **(env or {}),
    }
    log_path = log_dir / f"{name}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    worker = WorkerProcess(name, process, log_path)
    if not wait_until(lambda: " ready." in worker.log or process.poll() is not None, START_SECONDS):
        worker.end()
    assert process.poll() is None, f"the worker did not start:\n{worker.log}"
    return worker


def is_running(pid: int) -> bool:
    """Tell whether a process runs: where nobody asks for one that ended, as in a bare container, it stays a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 30.0, interval: float = 0.1) -> bool:
    """Return whether `condition` came true within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(interval)
    return condition()
