"""The private PostgreSQL and Redis of `scripts/services.sh`, stopped and started as an accident would."""

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import redis

STARTED_SECONDS = 30


def find_folder() -> Path:
    return Path(os.environ["SERVICES_DIR"])


def flush_broker() -> None:
    """Empty the broker's database, as somebody with a wrong command does. Raises: redis.ConnectionError."""
    redis.Redis.from_url(os.environ["BROKER_URL"], socket_timeout=1).flushdb()


def kill_redis() -> None:
    """Kill it; it keeps nothing on disk, so everything in it is gone."""
    os.kill(read_redis_pid(), signal.SIGKILL)


def freeze_redis() -> Callable[[], None]:
    """Stop it: it takes connections and says nothing. Return what lets it go on, unless it was killed meanwhile."""
    pid = read_redis_pid()
    os.kill(pid, signal.SIGSTOP)

    def thaw() -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    return thaw


def read_redis_pid() -> int:
    return int((find_folder() / "redis.pid").read_text())


def start_redis() -> None:
    # Ended by services.sh, which knows it by its pid file.
    subprocess.Popen(["redis-server", str(find_folder() / "redis.conf")], stdin=subprocess.DEVNULL)


def stop_postgresql(mode: str) -> None:
    """End it: `fast` ends the sessions in order, `immediate` is a crash that it recovers from."""
    control_postgresql("--mode", mode, "--wait", "stop")


def start_postgresql() -> None:
    data = find_folder() / "postgresql"
    # What it was started with, as pg_ctl notes it: the program, its folder, then the options.
    _begin, _folder, options = (data / "postmaster.opts").read_text().partition(f'"-D" "{data}"')
    control_postgresql("--wait", "--options", options.strip(), "start")


def control_postgresql(*words: str) -> None:
    data = find_folder() / "postgresql"
    program = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))[-1]
    command = [str(program), "--pgdata", str(data), "--silent", "--log", str(data / "log"), *words]
    # PostgreSQL refuses to run as root.
    became = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*became, *command], cwd="/", check=True, timeout=STARTED_SECONDS, stdin=subprocess.DEVNULL)
