"""What workers say of themselves."""

import datetime as dt
from collections.abc import Sequence

from evaluation.devices import Device
from leaderboard.models import Worker
from leaderboard.queries.workers import SEEN_WITHIN

ANNOUNCE_SECONDS = 10
FORGET_AFTER = dt.timedelta(days=1)


def announce(name: str, *, queues: Sequence[str], box: str, at: dt.datetime, devices: Sequence[Device] = ()) -> None:
    """Note that the worker is alive, and forget those that were not seen for a day."""
    said = {"queues": list(queues), "devices": [str(device) for device in devices], "box": box, "seen_at": at}
    Worker.objects.update_or_create(name=name, defaults=said, create_defaults=said | {"started_at": at})
    Worker.objects.filter(seen_at__lt=at - FORGET_AFTER).delete()


def is_gpu_alive(*, at: dt.datetime) -> bool:
    """Was a worker seen lately that has a GPU and takes what is queued for one?"""
    # JSON is looked into here: SQLite cannot ask what a list contains, and workers are few.
    return any(
        worker.has_gpu and "gpu" in worker.queues for worker in Worker.objects.filter(seen_at__gte=at - SEEN_WITHIN)
    )
