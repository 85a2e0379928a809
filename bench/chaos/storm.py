"""The storm: submissions come in, faults strike, the portal's processes are started again as a supervisor does."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from bench.chaos.clients import Client
from bench.chaos.faults import CANCELLED, FAULTS, REDIS_AWAY, Battlefield, Hit
from bench.chaos.scene import Planned
from demo.words import show_progress
from leaderboard.models import Run, Submission
from leaderboard.states import SETTLED

T = TypeVar("T")
TICK_SECONDS = 0.25
# So many submissions are under way at a time, at most and at least.
BACKLOG, LEAST_UNDER_WAY = 6, 2
# Between two faults: as many submissions settle as there are for each, or the longest pause is over.
PAUSE_SECONDS = (1.0, 25.0)
# How long the last submissions may take once the storm is over.
CALM_SECONDS = 300


def ask_database(question: Callable[[], T], otherwise: T) -> T:
    """Ask, unless the database is away just now."""
    try:
        return question()
    except (OperationalError, InterfaceError):
        connection.close()
        return otherwise


@dataclass
class Storm:
    """What came of it is in `sent` (submission by number), `struck` (hits by kind) and `cancelled`."""

    battlefield: Battlefield
    client: Client
    plan: list[Planned]
    faults: list[str]
    draw: random.Random
    sent: dict[int, str] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    struck: dict[str, list[Hit]] = field(default_factory=lambda: defaultdict(list))
    slain: dict[int, str] = field(default_factory=dict)
    told: str = ""
    most_under_way: int = LEAST_UNDER_WAY

    def rage(self) -> None:
        """Submit everything and let every fault strike, evenly spread over the submissions."""
        strikes = iter(self.faults)
        share, struck_at, due = len(self.plan) / max(1, len(self.faults)), time.monotonic(), 0
        calm_since, self.most_under_way = 0.0, BACKLOG
        while not calm_since or (self.open and time.monotonic() < calm_since + CALM_SECONDS):
            self.tick()
            paused = time.monotonic() - struck_at
            if not calm_since and paused > PAUSE_SECONDS[0] and (len(self.settled) >= due or paused > PAUSE_SECONDS[1]):
                kind = next(strikes, None)
                if kind is None:
                    calm_since = time.monotonic() if len(self.sent) == len(self.plan) else 0.0
                    continue
                self.strike(kind)
                struck_at, due = time.monotonic(), len(self.settled) + round(share)

    def tick(self) -> None:
        time.sleep(TICK_SECONDS)
        self.battlefield.tend()
        self.settled = ask_database(self.find_settled, self.settled)
        ask_database(self.poison, None)
        if self.has_room and (planned := next(self.unsent, None)):
            submission = self.client.submit(f"storm-{planned.number}", planned.fields, planned.weights)
            if submission:
                self.sent[planned.number] = submission
        told = f"{sum(map(len, self.struck.values()))} faults, {len(self.settled) // 10 * 10} settled"
        if told != self.told:
            show_progress(told)
            self.told = told

    @property
    def has_room(self) -> bool:
        """Is it time for another one? Faults shall always find work, so none is sent long before they strike."""
        struck, share = sum(map(len, self.struck.values())), len(self.plan) / max(1, len(self.faults))
        under_way = len(self.open)
        is_due = len(self.sent) < BACKLOG + share * struck
        return under_way < LEAST_UNDER_WAY or (under_way < self.most_under_way and is_due)

    @property
    def unsent(self) -> Iterator[Planned]:
        return (planned for planned in self.plan if planned.number not in self.sent)

    @property
    def open(self) -> set[str]:
        return set(self.sent.values()) - self.settled

    def find_settled(self) -> set[str]:
        """Return the submissions of the storm that are settled, and were sent."""
        found = Submission.objects.filter(state__in=SETTLED).values_list("pk", flat=True)
        return {str(pk) for pk in found} & set(self.sent.values())

    def poison(self) -> None:
        """Kill each worker that takes a poison file, as a file would that makes the kernel end its worker."""
        poisonous = [UUID(self.sent[each.number]) for each in self.plan if each.is_poison and each.number in self.sent]
        for run in Run.objects.filter(submission__in=poisonous, state="running"):
            worker = self.battlefield.find_worker(run.worker)
            if worker is not None:
                worker.kill()
                self.slain[run.pk] = run.worker

    def strike(self, kind: str) -> None:
        hit = Hit(False)
        with suppress(*REDIS_AWAY):
            hit = ask_database(lambda: self.cancel() if kind == CANCELLED else FAULTS[kind](self.battlefield), hit)
        self.struck[kind].append(hit)

    def cancel(self) -> Hit:
        found = self.battlefield.find_busy()
        if found is None:
            return Hit(False)
        submission = str(found[1].submission_id)
        is_cancelled = self.client.cancel(submission)
        if is_cancelled:
            self.cancelled.add(submission)
        return Hit(is_cancelled, submission)
