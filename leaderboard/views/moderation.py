"""What an admin decides on: one queue, one action at a time, each with a reason."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import user_passes_test
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from leaderboard.models import AuditEvent, Benchmark, BoardFacts, Entry, Run, Submission, Worker
from leaderboard.queries import read_findings
from leaderboard.services import moderation, repairs
from leaderboard.states import TransitionRefused
from leaderboard.views.requests import SignedInRequest

staff_only = user_passes_test(lambda user: user.is_active and user.is_staff)
SHOWN = 30
SUBMISSION_ACTIONS: dict[str, Callable[..., Any]] = {
    "reject": moderation.reject,
    "retract": moderation.retract,
    "rerun": moderation.rerun,
}
ENTRY_ACTIONS: dict[str, Callable[..., Any]] = {"hide": moderation.hide, "unhide": moderation.unhide}


@staff_only
@never_cache
def show_queue(request: HttpRequest) -> HttpResponse:
    """Show what waits for a decision, the workers and the audit trail."""
    submissions = Submission.objects.select_related("benchmark__split__dataset", "submitter", "entry__model")
    linted = BoardFacts.objects.exclude(findings=[]).select_related("benchmark__split__dataset", "benchmark__protocol")
    context = {
        "stalled": submissions.filter(state="stalled")[:SHOWN],
        "active": submissions.filter(state__in=["submitted", "queued", "running"])[:SHOWN],
        "failed": submissions.filter(state="failed")[:SHOWN],
        "mismatches": submissions.filter(state="verified", entry__status=Entry.Status.MISMATCH)[:SHOWN],
        "hidden": Entry.objects.filter(is_hidden=True).select_related("model", "benchmark__split__dataset")[:SHOWN],
        "verified": submissions.filter(state="verified", entry__status=Entry.Status.VERIFIED)[:SHOWN],
        "findings": [(facts.benchmark, read_findings(facts)) for facts in linted],
        "workers": Worker.objects.all(),
        "running": {run.worker: run for run in Run.objects.filter(state="running").select_related("submission")},
        "trail": AuditEvent.objects.all()[:SHOWN],
    }
    return render(request, "leaderboard/moderation.html", context)


@staff_only
@require_POST
def act(request: HttpRequest, action: str, target: str) -> HttpResponse:
    """Carry out one decision and come back to the queue."""
    try:
        perform(action, target, request)
        messages.success(request, _("Done, and noted in the audit trail."))
    except (moderation.ReasonRequired, TransitionRefused) as refused:
        messages.error(request, str(refused))
    return redirect("moderation")


@staff_only
@require_POST
def accept_repair(request: SignedInRequest, slug: str, number: int) -> HttpResponse:
    """Carry out what the claim lint proposes for one finding."""
    benchmark = get_object_or_404(Benchmark, slug=slug)
    reason = request.POST.get("reason", "")[:1000]
    try:
        count = repairs.accept(benchmark, number, by=request.user, at=timezone.now(), reason=reason)
        messages.success(request, _("%(n)s changes made, and noted in the audit trail.") % {"n": count})
    except (moderation.ReasonRequired, repairs.RepairGone) as refused:
        messages.error(request, str(refused))
    return redirect("findings", slug)


def perform(action: str, target: str, request: HttpRequest) -> None:
    """Raises: Http404, ReasonRequired, TransitionRefused."""
    facts = {"by": request.user, "at": timezone.now(), "reason": request.POST.get("reason", "")[:1000]}
    if action in SUBMISSION_ACTIONS:
        SUBMISSION_ACTIONS[action](get_object_or_404(Submission, pk=read_uuid(target)), **facts)
    elif action in ENTRY_ACTIONS and target.isdecimal() and len(target) < 18:
        ENTRY_ACTIONS[action](get_object_or_404(Entry, pk=target), **facts)
    else:
        raise Http404


def read_uuid(text: str) -> UUID:
    """Raises: Http404."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error
