"""What workers say of themselves."""

import datetime as dt

from leaderboard.models import Worker

ANNOUNCE_SECONDS = 10
FORGET_AFTER = dt.timedelta(days=1)


def announce(name: str, *, queues: list[str], box: str, at: dt.datetime) -> None:
    """Note that the worker is alive, and forget those that were not seen for a day."""
    Worker.objects.update_or_create(
        name=name,
        defaults={"queues": queues, "box": box, "seen_at": at},
        create_defaults={"queues": queues, "box": box, "seen_at": at, "started_at": at},
    )
    Worker.objects.filter(seen_at__lt=at - FORGET_AFTER).delete()
