"""The heartbeat of what a worker holds: a run, or a part of one."""

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.utils import timezone

from evaluation.contract import Progress

logger = logging.getLogger(__name__)

# Stores how far it is and the new lines of the log; False where it was taken away.
Renew = Callable[[Progress, str], bool]


class Lease(threading.Thread):
    """Renew a lease from the side while the evaluation works; `lost` is set once a renewal is refused."""

    def __init__(self, name: str, renew: Renew) -> None:
        super().__init__(daemon=True, name=f"lease of {name}")
        self.renew_lease = renew
        self.progress = Progress(stage="starting")
        self.lines: list[str] = []
        self.lost, self.done = threading.Event(), threading.Event()

    def __enter__(self) -> "Lease":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.join()
        # The last lines and counts, which the thread has not stored yet.
        self.renew()

    def run(self) -> None:
        try:
            while not self.done.is_set():
                self.renew()
                self.done.wait(settings.HEARTBEAT_SECONDS)
        finally:
            connection.close()

    def renew(self) -> None:
        lines, self.lines = self.lines, []
        try:
            if not self.renew_lease(self.progress, "".join(lines)):
                self.lost.set()
        except Exception:
            # A database that is away for a moment costs a heartbeat; when it stays away the lease runs out by itself.
            logger.exception("%s: not renewed", self.name)
            self.lines = lines + self.lines
            connection.close()

    def watch(self, progress: Progress | None) -> bool:
        """Take note of the progress and tell whether what is held is still ours."""
        if progress is not None:
            if progress.stage != self.progress.stage or progress.message:
                self.lines.append(f"{timezone.now():%H:%M:%S} {progress.stage} {progress.message}".rstrip() + "\n")
            self.progress = progress
        return not self.lost.is_set()
