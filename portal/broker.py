"""Celery's filesystem broker for machines without Redis, made safe for several processes at once.

Kombu's own opens a message's file before it writes it, and moves it through the machine's temporary folder, so that
another process can read it half or empty, which ends a worker. Here files are written aside and renamed into place, and
who renames one has it. Exchanges are read and written by one process at a time.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    # Its two bases name the message differently.
    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        # Names sort by the time at which they were sent, which is the order in which they are read.
        file = Path(self.data_folder_out) / f"{round(time.monotonic() * 1000)}_{uuid4()}.{queue}.msg"
        aside = file.with_suffix(".aside")
        try:
            aside.write_text(dumps(payload))
            aside.rename(file)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise ChannelError(f"The message {file.name} cannot be written: {error}") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        for file in sorted(Path(self.data_folder_in).iterdir()):
            if file.name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = file.with_suffix(".taken")
            try:
                file.rename(taken)
            except FileNotFoundError:
                # Another process was quicker.
                continue
            message = taken.read_text()
            taken.unlink()
            return loads(message)
        raise Empty

    def get_table(self, exchange: str) -> Any:
        with self.lock():
            return super().get_table(exchange)

    def _queue_bind(self, *args: Any) -> None:
        with self.lock():
            super()._queue_bind(*args)

    def _delete(self, *args: Any, **options: Any) -> None:
        with self.lock():
            super()._delete(*args, **options)

    @contextmanager
    def lock(self) -> Iterator[None]:
        self.control_folder.mkdir(exist_ok=True)
        with (self.control_folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    Channel = Channel
