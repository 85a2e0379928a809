"""Watching what becomes of a submission, and taking away what came of it."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from leaderboard.models import Result, Submission
from leaderboard.queries import read_progress, with_outcomes
from leaderboard.sentences import say
from leaderboard.services.running.attempts import cancel as cancel_submission
from leaderboard.services.submitting.quota import count_left
from leaderboard.states import CANCELLABLE, SETTLED, TransitionRefused
from leaderboard.tables.boards import write_table
from leaderboard.views.outcomes import read_outcome
from leaderboard.views.requests import HtmxRequest, SignedInRequest, pressed_on

PER_PAGE = 30
CLASS_COLUMNS = ("name", "images", "difficult", "map", "map11", "correct", "total", "accuracy")


@require_safe
@login_required
@never_cache
def list_own(request: SignedInRequest) -> HttpResponse:
    """Show the visitor's submissions, latest first."""
    own = with_outcomes(Submission.objects.filter(submitter_id=request.user.pk))
    page = Paginator(own, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "leaderboard/submissions.html", {"page": page, "left": count_left(request.user)})


def find_submission(request: HttpRequest, pk: UUID) -> Submission:
    """Return a submission that the visitor may see: their own; any verified one; all of them for staff.

    What may not be seen does not exist. Raises: Http404.
    """
    related = ("benchmark__split__dataset", "benchmark__protocol", "benchmark__task", "entry__model", "submitter")
    submission = get_object_or_404(Submission.objects.select_related(*related), pk=pk)
    # While it is evaluated again, what it scored before stands on the board and leads here.
    has_result = Result.objects.filter(run__submission=submission).exists()
    is_public = has_result and not (submission.entry and submission.entry.is_hidden)
    if not (is_public or may_act(request, submission)):
        raise Http404
    return submission


def may_act(request: HttpRequest, submission: Submission) -> bool:
    is_own = request.user.is_authenticated and submission.submitter_id == request.user.pk
    return is_own or request.user.is_staff


@require_safe
@never_cache
def show(request: HtmxRequest, pk: UUID) -> HttpResponse:
    """Show how far a submission is; once it is verified, what it scored, where it fails and how to run it again."""
    try:
        submission = find_submission(request, pk)
    except Http404:
        # Whose session has ended would look at a page that stands still.
        if request.htmx:
            return HttpResponseClientRefresh()
        raise
    progress = read_progress(submission, at=timezone.now())
    is_settled = submission.state in SETTLED
    context = {
        "submission": submission,
        "benchmark": submission.benchmark,
        "progress": progress,
        "is_settled": is_settled,
        "is_published": submission.state in ("verified", "retracted"),
        "may_act": may_act(request, submission),
        "may_cancel": may_act(request, submission) and submission.state in CANCELLABLE,
    }
    if request.htmx:
        response = render(request, "leaderboard/submission.html#live", context)
        if is_settled:
            response["HX-Refresh"] = "true"
        return response
    return render(request, "leaderboard/submission.html", context | read_outcome(submission))


@pressed_on("submissions")
@require_POST
def cancel(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """End an unfinished submission."""
    submission = find_submission(request, pk)
    if not may_act(request, submission):
        raise PermissionDenied
    try:
        cancel_submission(submission, by=request.user, at=timezone.now())
        messages.info(request, _("Cancelled: the worker stops within seconds."))
    except TransitionRefused as refused:
        messages.error(request, say(str(refused)))
    return redirect(submission)


def find_result(request: HttpRequest, pk: UUID) -> Result:
    """Raises: Http404."""
    submission = find_submission(request, pk)
    result = Result.objects.filter(run__submission=submission).order_by("-created_at").first()
    if result is None:
        raise Http404
    return result


@require_safe
def download_evidence(request: HttpRequest, pk: UUID) -> FileResponse:
    """Hand out the per-sample predictions."""
    result = find_result(request, pk)
    if not result.evidence:
        raise Http404
    return FileResponse(result.evidence.open("rb"), as_attachment=True, filename=f"evidence-{pk}.npz")


@require_safe
def download_attestation(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Hand out the signed statement."""
    response = JsonResponse(find_result(request, pk).attestation)
    response["Content-Disposition"] = f'attachment; filename="attestation-{pk}.json"'
    return response


@require_safe
def download_classes(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand out how well each class is recognised, as CSV."""
    analysis = find_result(request, pk).report.get("analysis", {})
    rows = analysis.get("per_class") or analysis.get("average_precision") or []
    if not rows:
        raise Http404
    # A database of JSON keeps no order of keys.
    names = [name for name in CLASS_COLUMNS if name in rows[0]]
    table = [names, *([row.get(name, "") for name in names] for row in rows)]
    response = HttpResponse(write_table(table), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="classes-{pk}.csv"'
    return response
