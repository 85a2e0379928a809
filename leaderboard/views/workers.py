"""Who evaluates what, for admins."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from leaderboard.models import Submission
from leaderboard.queries.workers import read_lost, read_queues, read_throughput, read_workers
from leaderboard.views.moderation import staff_only


@staff_only
@never_cache
@require_safe
def show_workers(request: HttpRequest) -> HttpResponse:
    """Show the workers, their queues, the last day's figures, and what was lost or has stalled."""
    at = timezone.now()
    workers = read_workers(at=at)
    context = {
        "workers": workers,
        "queues": read_queues(workers),
        "throughput": read_throughput(at=at),
        "lost": read_lost(at=at),
        "stalled": Submission.objects.filter(state="stalled").count(),
    }
    return render(request, "leaderboard/workers.html", context)
