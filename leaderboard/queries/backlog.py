"""What waits, since when, and what nobody looks after: for readiness checks and alarms."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Min

from leaderboard.models import Part, Run, Submission

# Reconcile takes back what ran out at its next pass; after so many it does not run.
PASSES_MISSED = 6


@dataclass(frozen=True)
class Backlog:
    """Queued runs, stalled submissions, and leases that ran out long ago and are still held."""

    waiting: int
    oldest_seconds: float
    stalled: int
    stalled_seconds: float
    overdue: int


def read_backlog(*, at: dt.datetime) -> Backlog:
    """Return it, with four queries."""
    queued = Run.objects.filter(state="queued").aggregate(count=Count("pk"), since=Min("queued_at"))
    stalled = Submission.objects.filter(state="stalled").aggregate(count=Count("pk"), since=Min("changed_at"))
    long_ago = at - dt.timedelta(seconds=PASSES_MISSED * settings.RECONCILE_SECONDS)
    expired = {"state": "running", "lease_expires_at__lt": long_ago}
    # A run that is cut is held by its parts.
    overdue = Run.objects.filter(**expired, parts=None).count() + Part.objects.filter(**expired).count()
    return Backlog(
        queued["count"], measure(queued["since"], at), stalled["count"], measure(stalled["since"], at), overdue
    )


def measure(since: dt.datetime | None, at: dt.datetime) -> float:
    return max(0.0, (at - since).total_seconds()) if since else 0.0
