"""How long a submission waits after its worker was killed, in calm: until that is noticed, until another goes on."""

import datetime as dt
import time
from typing import NamedTuple

from django.utils import timezone

from bench.chaos.storm import Storm
from leaderboard.models import Run

KILLS = 5
MOST_SECONDS = 180


class Recovery(NamedTuple):
    """Seconds from the kill until the run was taken back, and until the next attempt began."""

    noticed: float
    resumed: float


def measure(storm: Storm) -> list[Recovery]:
    """Kill a busy worker a few times, with nothing else amiss and no queue, and return each recovery."""
    found: list[Recovery] = []
    while len(found) < KILLS and any(True for _ in storm.unsent):
        storm.tick()
        busy = storm.battlefield.find_busy()
        if busy is None or busy[1].parts.exists():
            continue
        worker, run = busy
        worker.kill()
        if recovery := wait_for_next(storm, run, timezone.now()):
            found.append(recovery)
    return found


def wait_for_next(storm: Storm, run: Run, killed_at: dt.datetime) -> Recovery | None:
    """Return None where the run had ended in the very moment of the kill. Raises: RuntimeError."""
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline:
        storm.tick()
        run.refresh_from_db(fields=["state", "finished_at"])
        if run.state not in ("running", "lost"):
            return None
        later = Run.objects.filter(submission=run.submission_id, attempt=run.attempt + 1, started_at__isnull=False)
        if (following := later.first()) and following.started_at and run.finished_at:
            noticed, resumed = run.finished_at - killed_at, following.started_at - killed_at
            return Recovery(noticed.total_seconds(), resumed.total_seconds())
    raise RuntimeError(f"{run}: nobody went on with it within {MOST_SECONDS} s")
