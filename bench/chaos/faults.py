"""The faults of the storm, done to real processes, services and disks; what they take away they give back later."""

import datetime as dt
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import redis
from django.conf import settings
from django.utils import timezone

from bench.chaos import services
from bench.chaos.processes import Supervised, list_children, read_words
from leaderboard import queue
from leaderboard.models import Part, Run

# A submission that faults have hit so often is left alone: the next loss would close it, as it is meant to.
MOST_HITS = settings.MAX_ATTEMPTS - 1
WAIT_FOR_WORK_SECONDS = 8


class Hit(NamedTuple):
    """What a fault did. `is_busy`: whether it hit somebody at work."""

    is_busy: bool
    submission: str = ""


class Later(NamedTuple):
    """What is to be done in a while, to give back what was taken."""

    due: float
    act: Callable[[], object]


class Battlefield:
    """What faults can reach: the processes, the services, the workers' disk."""

    def __init__(self, processes: dict[str, Supervised], scratch: Path | None, draw: random.Random) -> None:
        self.processes, self.scratch, self.draw = processes, scratch, draw
        self.pending: list[Later] = []

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        self.pending.append(Later(time.monotonic() + seconds, act))

    def tend(self) -> None:
        """Give back what is due, and start again what ended."""
        for item in [item for item in self.pending if time.monotonic() > item.due]:
            self.pending.remove(item)
            item.act()
        for process in self.processes.values():
            process.tend(self.draw)

    def find_worker(self, name: str) -> Supervised | None:
        """Return the process that announced itself so: host/pid."""
        pid = name.rpartition("/")[2]
        return next((each for each in self.processes.values() if each.is_up and str(each.pid) == pid), None)

    def find_busy(self) -> tuple[Supervised, Run] | None:
        """Wait for a worker at work on what was not hit too often, and a moment more, so that any stage is hit."""
        deadline = time.monotonic() + WAIT_FOR_WORK_SECONDS
        while time.monotonic() < deadline:
            held = [(part.worker, part.run) for part in Part.objects.filter(state="running", losses__lt=MOST_HITS)]
            held += [(run.worker, run) for run in Run.objects.filter(state="running", parts=None)]
            victims = [(self.find_worker(name), run) for name, run in held if run.losses < MOST_HITS]
            if found := [(worker, run) for worker, run in victims if worker is not None]:
                time.sleep(self.draw.uniform(0, 0.6))
                return self.draw.choice(found)
            time.sleep(0.1)
        return None


def kill_worker(field: Battlefield) -> Hit:
    found = field.find_busy()
    if found is None:
        return Hit(False)
    found[0].kill()
    return Hit(True, str(found[1].submission_id))


def kill_engine(field: Battlefield) -> Hit:
    return kill_child(field, "run", "merge", "spare")


def kill_box(field: Battlefield) -> Hit:
    return kill_child(field, "predict")


def kill_child(field: Battlefield, *commands: str) -> Hit:
    found = field.find_busy()
    if found is None:
        return Hit(False)
    for pid in list_children(found[0].pid):
        words = read_words(pid)
        # Behind the words of the box the same command stands again.
        if "evaluation.engine" in words and words[words.index("evaluation.engine") + 1] in commands:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return Hit(True, str(found[1].submission_id))
    return Hit(False)


def freeze_worker(field: Battlefield) -> Hit:
    """Stop a worker until its lease has run out, then let it go on as if nothing had happened."""
    found = field.find_busy()
    if found is None or found[0].frozen_until:
        return Hit(False)
    found[0].freeze(settings.LEASE_SECONDS + field.draw.uniform(4, 15))
    return Hit(True, str(found[1].submission_id))


def expire_lease(field: Battlefield) -> Hit:
    """Let a lease end in the past, as a clock that jumps does."""
    past = timezone.now() - dt.timedelta(seconds=1)
    found = field.find_busy()
    if found is None:
        return Hit(False)
    run = found[1]
    changed = Part.objects.filter(run=run, state="running").update(lease_expires_at=past)
    changed += Run.objects.filter(pk=run.pk, state="running", parts=None).update(lease_expires_at=past)
    return Hit(bool(changed), str(run.submission_id))


def flush_broker(field: Battlefield) -> Hit:
    services.flush_broker()
    return Hit(True)


def lose_redis(field: Battlefield) -> Hit:
    services.kill_redis()
    field.later(field.draw.uniform(0.5, 5), services.start_redis)
    return Hit(True)


def freeze_redis(field: Battlefield) -> Hit:
    with suppress(ProcessLookupError):
        field.later(field.draw.uniform(2, 15), services.freeze_redis())
    return Hit(True)


def restart_postgresql(field: Battlefield) -> Hit:
    services.stop_postgresql("fast")
    time.sleep(field.draw.uniform(0, 3))
    services.start_postgresql()
    return Hit(True)


def crash_postgresql(field: Battlefield) -> Hit:
    services.stop_postgresql("immediate")
    time.sleep(field.draw.uniform(0, 3))
    services.start_postgresql()
    return Hit(True)


def double_messages(field: Battlefield) -> Hit:
    """Send every message that could be under way three times more."""
    active = list(Run.objects.filter(state__in=["queued", "running"]).values_list("pk", "queue"))
    for pk, name in active * 3:
        queue.send(pk, name)
    return Hit(bool(active))


def fill_disk(field: Battlefield) -> Hit:
    """Leave no byte on the file system that the workers work on, for some seconds."""
    assert field.scratch is not None
    ballast = field.scratch / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(2**20))
    field.later(field.draw.uniform(1, 6), lambda: ballast.unlink(missing_ok=True))
    return Hit(True)


def kill_scheduler(field: Battlefield) -> Hit:
    field.processes["scheduler"].kill()
    return Hit(True)


def kill_web(field: Battlefield) -> Hit:
    """Kill the web server and its processes, whatever they are about to answer."""
    web = field.processes["web"]
    for pid in list_children(web.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    web.kill()
    return Hit(True)


Fault = Callable[[Battlefield], Hit]
FAULTS: dict[str, Fault] = {
    "worker killed": kill_worker,
    "engine killed": kill_engine,
    "box killed": kill_box,
    "worker frozen past its lease": freeze_worker,
    "lease expired by the clock": expire_lease,
    "broker flushed": flush_broker,
    "Redis killed, comes back empty": lose_redis,
    "Redis frozen": freeze_redis,
    "PostgreSQL restarted": restart_postgresql,
    "PostgreSQL crashed": crash_postgresql,
    "messages doubled": double_messages,
    "disk full": fill_disk,
    "scheduler killed": kill_scheduler,
    "web server killed": kill_web,
}
DISK_FULL, CANCELLED = "disk full", "cancelled in mid-run"


def draw_plan(count: int, draw: random.Random, *, has_scratch: bool) -> list[str]:
    """Return so many kinds of fault: each kind as often as the others, in an order that is drawn."""
    kinds = [kind for kind in (*FAULTS, CANCELLED) if has_scratch or kind != DISK_FULL]
    plan = [kinds[place % len(kinds)] for place in range(count)]
    draw.shuffle(plan)
    return plan


REDIS_AWAY = (redis.ConnectionError, redis.TimeoutError)
