"""Submitting weights, and watching what becomes of them."""

import shlex
from typing import Any
from uuid import UUID

from django.conf import settings
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

from evaluation import catalogue
from evaluation.static_check.glimpse import Piece
from leaderboard import charts
from leaderboard.forms import SubmissionForm
from leaderboard.models import Benchmark, Entry, Result, Run, Standing, Submission
from leaderboard.queries import BoardRow, compare_entries, read_progress, read_rows
from leaderboard.sentences import say
from leaderboard.services.file_checks import look_at
from leaderboard.services.intake import count_left, read_request
from leaderboard.services.refusals import RequestRefused
from leaderboard.services.submissions import cancel as cancel_submission
from leaderboard.services.submissions import submit
from leaderboard.services.uploads import list_own as list_own_uploads
from leaderboard.states import CANCELLABLE, SETTLED, TransitionRefused
from leaderboard.views.requests import HtmxRequest, SignedInRequest

PER_PAGE = 30
NEIGHBOURS = 2
UPLOADS_SHOWN = 10
PIECES_BYTES = 24 * 2**20


@login_required
@never_cache
def submit_weights(request: SignedInRequest) -> HttpResponse:
    """Show the form, and take what is sent through it."""
    benchmarks = Benchmark.objects.select_related("split__dataset", "protocol").exclude(split__path="")
    benchmarks = benchmarks.filter(is_open=True).prefetch_related("benchmark_metrics__metric")
    if request.method == "POST":
        form = SubmissionForm(benchmarks, request.POST)
        try:
            checked = read_request(request.POST.dict(), request.FILES.get("weights"), by=request.user)
        except RequestRefused as refused:
            form.refuse(refused.errors)
        else:
            if checked.is_recognised:
                messages.info(
                    request,
                    _("Its tensors are those of %(name)s, so it is evaluated as that.")
                    % {"name": checked.architecture},
                )
            return redirect(submit(checked, by=request.user, at=timezone.now()))
    else:
        form = SubmissionForm(benchmarks, initial=propose(request))
    context = {
        "form": form,
        "architectures": catalogue.names(),
        "left": count_left(request.user),
        "uploads": list_own_uploads(request.user)[:UPLOADS_SHOWN],
        "part_bytes": settings.UPLOAD_PART_BYTES,
        "waiting": Run.objects.filter(state="queued").count(),
    }
    return render(request, "leaderboard/submit.html", context, status=400 if form.is_refused else 200)


@login_required
@require_POST
def check_pieces(request: SignedInRequest) -> JsonResponse:
    """Say what a file is from its beginning and its end, which the form sends as soon as one is chosen."""
    begins, files = request.POST.getlist("begin"), request.FILES.getlist("piece")
    size = request.POST.get("size", "")
    numbers = [*begins, size]
    is_whole = len(begins) == len(files) > 0 and all(each.isdecimal() and len(each) < 16 for each in numbers)
    if not is_whole or sum(file.size or 0 for file in files) > PIECES_BYTES:
        return JsonResponse({"sentence": ""}, status=400)
    pieces = [Piece(int(begin), file.read()) for begin, file in zip(begins, files, strict=True)]
    name = request.POST.get("name", "")[:200]
    return JsonResponse(look_at(pieces, int(size), name).to_dict())


def propose(request: SignedInRequest) -> dict[str, str]:
    """Return what the form starts with: a board, the entry whose claim is to be verified, an earlier submission."""
    proposal = {"benchmark": request.GET.get("benchmark", "")}
    entry_id, earlier = request.GET.get("entry", ""), request.GET.get("again", "")
    if entry_id.isdecimal() and len(entry_id) < 18:
        entries = Entry.objects.filter(is_hidden=False).select_related("benchmark", "model__paper")
        if entry := entries.filter(pk=entry_id).first():
            proposal |= propose_entry(entry)
    elif is_uuid(earlier):
        mine = Submission.objects.filter(submitter_id=request.user.pk).select_related("benchmark")
        if submission := mine.filter(pk=earlier).first():
            proposal |= propose_again(submission)
    return proposal


def is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def propose_entry(entry: Entry) -> dict[str, str]:
    weights = entry.weights.order_by("-framework").first()
    claims = {f"claim_{claim.metric.key}": claim.text for claim in entry.claims.select_related("metric")}
    return claims | {
        "benchmark": entry.benchmark.slug,
        "model_name": entry.model.name,
        "architecture": entry.model.architecture,
        "framework": weights.framework if weights else "",
        "weights_url": weights.url if weights else "",
        "paper_url": entry.model.paper.url if entry.model.paper else "",
        "code_url": entry.code_urls[0]["url"] if entry.code_urls else "",
    }


def propose_again(submission: Submission) -> dict[str, str]:
    names = ("model_name", "architecture", "framework", "weights_url", "background", "paper_url", "code_url")
    claims = {f"claim_{key}": f"{value:g}" for key, value in submission.claims.items()}
    return claims | {"benchmark": submission.benchmark.slug} | {name: getattr(submission, name) for name in names}


@login_required
@never_cache
def list_own(request: SignedInRequest) -> HttpResponse:
    """Show the visitor's submissions, latest first."""
    own = Submission.objects.filter(submitter_id=request.user.pk).select_related("benchmark__split__dataset")
    page = Paginator(own, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "leaderboard/submissions.html", {"page": page, "left": count_left(request.user)})


def find_submission(request: HttpRequest, pk: UUID) -> Submission:
    """Return a submission that the visitor may see: their own; any verified one; all of them for staff.

    What may not be seen does not exist. Raises: Http404.
    """
    related = ("benchmark__split__dataset", "benchmark__protocol", "benchmark__task", "entry__model", "submitter")
    submission = get_object_or_404(Submission.objects.select_related(*related), pk=pk)
    is_public = submission.state in ("verified", "retracted") and not (submission.entry and submission.entry.is_hidden)
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
    submission = find_submission(request, pk)
    progress = read_progress(submission)
    is_settled = submission.state in SETTLED
    context = {
        "submission": submission,
        "benchmark": submission.benchmark,
        "progress": progress,
        "is_settled": is_settled,
        "may_act": may_act(request, submission),
        "may_cancel": may_act(request, submission) and submission.state in CANCELLABLE,
    }
    if request.htmx:
        response = render(request, "leaderboard/submission.html#live", context)
        if is_settled:
            response["HX-Refresh"] = "true"
        return response
    return render(request, "leaderboard/submission.html", context | read_outcome(submission))


def read_outcome(submission: Submission) -> dict[str, object]:
    """Return the result with its scores beside the claims, its analysis drawn, and its neighbours on the board."""
    results = Result.objects.filter(run__submission=submission).select_related("entry__model", "run")
    result = results.prefetch_related("scores__metric").order_by("-created_at").first()
    if result is None:
        return {"result": None}
    order = dict(submission.benchmark.benchmark_metrics.values_list("metric_id", "position"))
    scores = sorted(result.scores.all(), key=lambda score: order.get(score.metric_id, len(order)))
    standings = result.entry.standings.filter(metric=scores[0].metric).select_related("metric") if scores else None
    standing = standings.first() if standings is not None else None
    analysis = result.report.get("analysis", {})
    return {
        "result": result,
        "scores": [
            {"score": score, "claim": submission.claims.get(score.metric.key), "metric": score.metric}
            for score in scores
        ],
        "standing": standing,
        "neighbours": read_neighbours(standing) if standing else (),
        "report": result.report,
        "command": write_command(submission, result),
        "base_url": settings.BASE_URL,
        "per_class": charts.draw_classes(analysis),
        "is_multilabel": "average_precision" in analysis,
        "confusion": charts.draw_confusion(analysis),
        "confused": analysis.get("confused", [])[:12],
    }


def write_command(submission: Submission, result: Result) -> str:
    """Return the command line that repeats the evaluation at home."""
    weights, protocol = result.report["weights"], result.report["protocol"]
    command = ["python -m evaluation.engine evaluate", f"--dataset {submission.benchmark.split.dataset.slug}/"]
    command += [f"--weights {shlex.quote(submission.weights_name or 'weights')}"]
    command += [f"--architecture {weights['architecture']}"] if submission.architecture else []
    command += write_options(protocol, weights["architecture"])
    command += ["--background first"] if submission.background == "first" else []
    return " \\\n    ".join(command)


def write_options(protocol: dict[str, Any], architecture: str) -> list[str]:
    """Return the options that say the whole protocol, whatever the architecture's published one is."""
    options = [f"--{name} {protocol.get(name) or 'none'}" for name in ("resize", "crop")]
    options += [f"--interpolation {protocol['interpolation']}"] if protocol.get("resize") else []
    # Every digit counts: another mean is another input.
    options += [f"--{name} {','.join(map(repr, protocol[name]))}" for name in ("mean", "std") if protocol.get(name)]
    # Reports from before there were other modes do not name theirs.
    mode, published = protocol.get("crop_mode", "center"), catalogue.find(architecture)
    is_told = mode != "center" or (published is not None and published.protocol.crop_mode != "center")
    return [*options, f"--crop-mode {mode}"] if is_told else options


def read_neighbours(standing: Standing) -> list[dict[str, object]]:
    """Return the rows around this one on its board, each with the paired test against it where there is one."""
    rows = find_neighbours(standing)
    tests = compare_entries(standing.entry_id, [row.entry_id for row in rows], standing.metric.key)
    return [{"row": row, "test": tests.get(row.entry_id)} for row in rows]


def find_neighbours(standing: Standing) -> tuple[BoardRow, ...]:
    around = Standing.objects.filter(benchmark_id=standing.benchmark_id, metric_id=standing.metric_id, is_visible=True)
    around = around.filter(verified__isnull=False).exclude(entry_id=standing.entry_id)
    better = around.filter(order_value__gte=standing.order_value).order_by("order_value", "-entry_id")[:NEIGHBOURS]
    worse = around.filter(order_value__lt=standing.order_value).order_by("-order_value", "entry_id")[:NEIGHBOURS]
    ids = [each.pk for each in better] + [each.pk for each in worse]
    return read_rows(Standing.objects.filter(pk__in=ids).order_by("-order_value", "entry_id"))


@login_required
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
