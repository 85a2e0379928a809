"""What stands behind a row: the entry with its ledger, the paper, the person."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from leaderboard.models import Entry, Paper, Standing, Submission
from leaderboard.queries import benchmark_metrics, read_ledger, read_rows
from leaderboard.views.catalogue import list_entry_rows

SHOWN = 200


@require_safe
def show_entry(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one row for good: its scores, its weights, and all that ever happened to it. Admins see hidden ones."""
    related = ("benchmark__split__dataset", "benchmark__protocol", "benchmark__task", "model__paper")
    entries = Entry.objects.select_related(*related)
    entry = get_object_or_404(entries if request.user.is_staff else entries.filter(is_hidden=False), pk=pk)
    rows = read_rows(Standing.objects.filter(entry=entry)[:1])
    context = {
        "entry": entry,
        "row": rows[0] if rows else None,
        "metrics": benchmark_metrics(entry.benchmark),
        "weights": entry.weights.all(),
        "ledger": read_ledger(entry),
        "base_url": settings.BASE_URL,
    }
    return render(request, "leaderboard/entry.html", context)


@require_safe
def show_paper(request: HttpRequest, pk: int) -> HttpResponse:
    """Show every entry that cites a paper."""
    paper = get_object_or_404(Paper, pk=pk)
    context = {"paper": paper, "rows": list_entry_rows(Entry.objects.filter(model__paper=paper), SHOWN)}
    return render(request, "leaderboard/paper.html", context)


@require_safe
def show_person(request: HttpRequest, username: str) -> HttpResponse:
    """Show what somebody has on the boards, with all of their attempts counted in the open."""
    person = get_object_or_404(get_user_model(), username=username, is_active=True)
    own = Submission.objects.filter(submitter=person)
    counts = dict(own.order_by().values_list("state").annotate(Count("pk")))
    entries = Entry.objects.filter(submissions__in=own.filter(state="verified"))
    context = {
        "person": person,
        "counts": sorted(counts.items()),
        "total": sum(counts.values()),
        "rows": list_entry_rows(entries, SHOWN),
    }
    return render(request, "leaderboard/person.html", context)
