"""One round of load, from an empty database to its table."""

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from django.core.management import call_command
from django.db import connection
from knox.models import AuthToken

from bench.boards import fill
from bench.chaos.processes import ROOT
from bench.load.writers import Tally, Writer, burst, upload_slowly
from bench.machine import describe_machine
from demo.words import draw_table, say
from leaderboard.models import Run, Submission, Upload
from portal.accounts.models import User

ENTRIES, READERS, SUBMISSIONS, AT_ONCE, SLOW_LINES = 10_000, 200, 1_000, 20, 50
SLOW_BYTES_A_SECOND = 16 * 1024
P95_TARGET_MS = 500
READY_SECONDS, WARM_SECONDS = 60, 5
# In each account's quota of a day.
ACCOUNTS = 50


class Row(NamedTuple):
    who: str
    requests: int
    p50: float
    p95: float
    p99: float
    bad: int

    def tell(self) -> tuple[str, ...]:
        return (self.who, f"{self.requests:,}", *(f"{ms:,.0f} ms" for ms in self[2:5]), str(self.bad))


def run(folder: Path, port: int, seconds: int) -> bool:
    """Print the table; return whether the targets were met."""
    command = read_command(port)
    packages = ("django", "gunicorn", "psycopg2-binary", "redis")
    say(f"{describe_machine(*packages)}\n{' '.join(command)}\n")
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    board = fill(ENTRIES).slug
    writers = make_writers(port, board)
    connection.close()
    with (folder / "web.log").open("wb") as log:
        web = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, stdout=log, stderr=log)
    try:
        wait_until_alive(port)
        # The first reads of each process load and make what all later ones find.
        read(port, board, WARM_SECONDS, "")
        rows = [read(port, board, seconds, f"{READERS} readers alone"), *storm(port, board, seconds, writers)]
    finally:
        web.terminate()
        web.wait()
    say(draw_table(("who", "requests", "p50", "p95", "p99", "5xx or none"), [row.tell() for row in rows]))
    stored = (Submission.objects.count(), Run.objects.filter(state="queued").count())
    whole = sum(upload.is_complete for upload in Upload.objects.all())
    told = f"{stored[0]:,} submissions stored, {stored[1]:,} runs queued, {whole} uploads whole"
    say(f"\n{told}; load at the end {os.getloadavg()[0]:.1f}")
    is_whole = (*stored, whole) == (SUBMISSIONS, SUBMISSIONS, SLOW_LINES)
    return is_whole and not any(row.bad for row in rows) and all(row.p95 <= P95_TARGET_MS for row in rows[:2])


def read_command(port: int) -> list[str]:
    """Return the web server's command as docs/operations.md gives it, on a port of ours."""
    text = (ROOT / "docs" / "operations.md").read_text()
    (words,) = re.findall(r"^\| web \| `(gunicorn .*?)`", text, re.M)
    return str(words).replace("0.0.0.0:8000", f"127.0.0.1:{port}").split()


def make_writers(port: int, board: str) -> list[Writer]:
    users = [User.objects.create_user(f"load-{number}", password=None) for number in range(ACCOUNTS)]
    return [Writer(port, str(AuthToken.objects.create(user=user)[1]), board) for user in users]


def wait_until_alive(port: int) -> None:
    """Raises: RuntimeError."""
    deadline = time.monotonic() + READY_SECONDS
    request = urllib.request.Request(f"http://127.0.0.1:{port}/healthz", headers={"X-Forwarded-Proto": "https"})
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise RuntimeError("The web server does not start.")


def storm(port: int, board: str, seconds: int, writers: list[Writer]) -> list[Row]:
    """Let readers, the burst and the slow lines come together; the slow ones begin first and last longest."""
    tallies: dict[str, Tally] = {}

    def note(name: str, work: Callable[[], Tally]) -> threading.Thread:
        thread = threading.Thread(target=lambda: tallies.__setitem__(name, work()))
        thread.start()
        return thread

    size = (seconds + 5) * SLOW_BYTES_A_SECOND
    slow = note("slow", lambda: upload_slowly(writers[:SLOW_LINES], size))
    time.sleep(2)
    quick = note("quick", lambda: burst(writers, SUBMISSIONS, AT_ONCE))
    readers = read(port, board, seconds, f"{READERS} readers meanwhile")
    for thread in (slow, quick):
        thread.join()
    return [
        readers,
        describe(f"{SUBMISSIONS:,} submissions, {AT_ONCE} at once", tallies["quick"]),
        describe(f"{SLOW_LINES} slow uploads of {size // 1024} kB", tallies["slow"]),
    ]


def read(port: int, board: str, seconds: int, name: str) -> Row:
    script = str(ROOT / "bench" / "load" / "readers.lua")
    command = ["wrk", "-t1", f"-c{READERS}", f"-d{seconds}s", "--timeout", "30s", "-s", script]
    environment = os.environ | {"LOAD_BOARD": board}
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}"], env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.strip().splitlines()[-1])
    bad = found["bad"] + found["unanswered"]
    return Row(name, found["requests"], found["p50"], found["p95"], found["p99"], bad)


def describe(name: str, tally: Tally) -> Row:
    said = ", ".join(f"{count} × {status or 'no answer'}" for status, count in sorted(tally.statuses.items()))
    p50, p95, p99 = (tally.percentile(share) for share in (50, 95, 99))
    return Row(f"{name} ({said})", len(tally.seconds), p50, p95, p99, tally.bad)
