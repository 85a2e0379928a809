"""What has changed on the boards lately."""

import datetime as dt

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from leaderboard.models import Benchmark
from leaderboard.queries import read_changes

SPANS = (7, 30, 90, 365)
USUAL_SPAN = 30


@require_safe
def show_changes(request: HttpRequest) -> HttpResponse:
    """Show what was verified, retracted and claimed in the last month, or in as many days as the address says."""
    text = request.GET.get("days", "")
    days = int(text) if text in map(str, SPANS) else USUAL_SPAN
    since = timezone.now() - dt.timedelta(days=days)
    slug = request.GET.get("benchmark", "")[:100].replace("\0", "")
    boards = Benchmark.objects.select_related("split__dataset", "protocol")
    benchmark = boards.filter(slug=slug).first() if slug else None
    context = {
        "changes": read_changes(since, benchmark.slug if benchmark else ""),
        "benchmark": benchmark,
        "since": since.date(),
        "days": days,
        "spans": [(span, ngettext("%(n)s day", "%(n)s days", span) % {"n": span}) for span in SPANS],
    }
    return render(request, "leaderboard/changes.html", context)
