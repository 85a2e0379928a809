"""The submission form: what it starts with, what it says of a file at once, and what is sent through it."""

from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Case, When
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from evaluation import catalogue
from evaluation.contract import CROP_MODES, INTERPOLATIONS, Protocol
from evaluation.static_check.glimpse import Piece
from leaderboard.durations import say_duration
from leaderboard.forms import SubmissionForm
from leaderboard.models import Benchmark, Entry, Submission
from leaderboard.queries.bans import find_ban
from leaderboard.queries.estimates import Work, read_estimator
from leaderboard.sentences import gap
from leaderboard.services.refusals import RequestRefused
from leaderboard.services.running.cutting import guess_parts
from leaderboard.services.submitting.file_checks import FileCheck, look_at
from leaderboard.services.submitting.intake import read_request
from leaderboard.services.submitting.previews import preview
from leaderboard.services.submitting.protocols import PREFIX, write_fields
from leaderboard.services.submitting.quota import count_left
from leaderboard.services.submitting.submissions import KeyReused, Repeated, submit_once
from leaderboard.services.submitting.uploads import discard, find_own, list_own
from leaderboard.views.requests import (
    NOT_TYPED,
    SignedInRequest,
    has_ended,
    is_script,
    keep_typed,
    lead,
    pressed_on,
)

UPLOADS_SHOWN = 10
# Where a run waits of which nothing is known yet.
QUEUE = "cpu"
PIECES_BYTES = 24 * 2**20


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def submit_weights(request: SignedInRequest) -> HttpResponse:
    """Show the form, and take what is sent through it; where a session ended over it, ask to sign in again."""
    if has_ended(request):
        sentence = _("Your session had ended. Sign in and choose the weights again; the rest is kept.")
        return lead(request, keep_typed(request, sentence))
    return lead(request, show_form(request))


@login_required
def show_form(request: SignedInRequest) -> HttpResponse:
    benchmarks = Benchmark.objects.select_related("split__dataset", "protocol").exclude(split__path="")
    benchmarks = benchmarks.filter(is_open=True).prefetch_related("benchmark_metrics__metric")
    found: FileCheck | None = None
    request_key = request.POST.get("request_key") or str(uuid4())
    if request.method == "POST" and "check" in request.POST:
        looked = preview(request.POST.dict(), request.FILES.get("weights"), by=request.user, at=timezone.now())
        form, found = SubmissionForm(benchmarks, looked.values), looked.check
        form.refuse(looked.errors)
    elif request.method == "POST":
        form = SubmissionForm(benchmarks, request.POST)
        try:
            checked = read_request(request.POST.dict(), request.FILES.get("weights"), by=request.user)
            submission = submit_once(checked, by=request.user, at=timezone.now())
        except RequestRefused as refused:
            form.refuse(refused.errors)
        except Repeated as repeated:
            # Clicked twice, or gone back and sent again.
            return redirect(repeated.submission)
        except KeyReused:
            # The upload that was named went into the earlier one; the page then asks for the file again.
            kept = find_own(request.POST.get("upload", ""), request.user)
            form = SubmissionForm(benchmarks, request.POST.dict() | {"upload": str(kept.pk) if kept else ""})
            form.refuse(
                {"": _("This form was sent before and said something else then; look it over and send it again.")}
            )
            request_key = str(uuid4())
        else:
            if checked.is_recognised:
                sentence = _("Its tensors are those of %(name)s, so it is evaluated as that.")
                messages.info(request, sentence % {"name": checked.architecture})
            return redirect(submission)
    else:
        form = SubmissionForm(benchmarks, initial=propose(request))
    estimator = read_estimator(at=timezone.now())
    context = {
        "form": form,
        "ban": find_ban(request.user),
        "found": found,
        "interpolations": INTERPOLATIONS,
        "crop_modes": CROP_MODES,
        "request_key": request_key,
        "architectures": catalogue.names(),
        "left": count_left(request.user),
        "uploads": list_own(request.user)[:UPLOADS_SHOWN],
        "part_bytes": settings.UPLOAD_PART_BYTES,
        "waiting": sum(run.started_at is None for run in estimator.active),
        "wait_seconds": estimator.estimate_wait(QUEUE),
        "usual_seconds": estimator.usual(QUEUE),
        "has_workers": bool(estimator.workers[QUEUE]),
    }
    return render(request, "leaderboard/submit.html", context, status=400 if form.is_refused else 200)


@never_cache
@require_safe
def show_protocol(request: HttpRequest) -> HttpResponse:
    """Show the fields of the protocol anew, after another benchmark, architecture or file was chosen.

    For everybody: the form asks for them after its session has ended too, and would take in the page to sign in on.
    """
    slug = request.GET.get("benchmark", "")[:100].replace("\0", "")
    boards = Benchmark.objects.select_related("protocol").filter(slug=slug)
    context = {
        "form": SubmissionForm(boards, request.GET),
        "interpolations": INTERPOLATIONS,
        "crop_modes": CROP_MODES,
    }
    return render(request, "leaderboard/protocol_fields.html", context)


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
    found = look_at(pieces, int(size), name)
    benchmarks = Benchmark.objects.select_related("split", "protocol").filter(slug=request.POST.get("benchmark", ""))
    benchmark = benchmarks.first() if found.architectures else None
    return JsonResponse(found.to_dict() | {"duration": describe_duration(found, benchmark) if benchmark else ""})


@pressed_on("submit")
@require_POST
def delete_upload(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Delete what is kept of a file that is not submitted; to a script, show anew what is left of them."""
    upload = find_own(pk, request.user)
    if upload is None:
        raise Http404
    discard(upload)
    sentence = _("“%(name)s” is deleted.") % {"name": upload.name}
    if is_script(request):
        form, left = SubmissionForm([], request.POST), list_own(request.user)[:UPLOADS_SHOWN]
        return render(request, "leaderboard/submit.html#uploads", {"form": form, "uploads": left, "told": sentence})
    messages.success(request, sentence)
    return redirect("submit")


def describe_duration(found: FileCheck, benchmark: Benchmark) -> str:
    """Return a further sentence on how long the evaluation takes, "" where nothing tells."""
    work = Work(found.architectures[0], benchmark.pk, benchmark.split.samples, QUEUE)
    estimator = read_estimator(at=timezone.now())
    seconds = estimator.estimate(work)
    if seconds is None:
        return ""
    parts = guess_parts(work.architecture, work.samples)
    seconds = estimator.spread(seconds, parts, QUEUE)
    return gap() + _("Evaluating it takes %(time)s.") % {"time": say_duration(seconds)}


def propose(request: SignedInRequest) -> dict[str, str]:
    """Return what the form starts with: the address's own fields, the entry whose claim is verified, an earlier try."""
    proposal = {name: text for name, text in request.GET.dict().items() if name not in NOT_TYPED}
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
    # What the engine evaluates comes first, of TensorFlow it is nothing.
    is_other = Case(When(framework__iexact="PyTorch", then=0), default=1)
    weights = entry.weights.filter(url__gt="").order_by(is_other, "framework", "pk").first()
    framework = weights.framework if weights else ""
    codes = sorted(entry.code_urls, key=lambda code: code["label"] != framework)
    # The latest of each metric comes last.
    stated = entry.claims.filter(withdrawn_at=None).order_by("created_at", "id")
    claims = {f"claim_{claim.metric.key}": claim.text for claim in stated.select_related("metric")}
    preprocessing = {PREFIX + name: str(value) for name, value in entry.preprocessing.items()}
    return (claims | preprocessing) | {
        "benchmark": entry.benchmark.slug,
        "model_name": entry.model.name,
        "architecture": entry.model.architecture,
        "framework": framework,
        "weights_url": weights.url if weights else "",
        "paper_url": entry.model.paper.url if entry.model.paper else "",
        "code_url": codes[0]["url"] if codes else "",
    }


def propose_again(submission: Submission) -> dict[str, str]:
    names = ("model_name", "architecture", "framework", "weights_url", "background", "paper_url", "code_url")
    claims = {f"claim_{key}": f"{value:.15g}" for key, value in submission.claims.items()}
    declared = write_fields(Protocol.from_dict(submission.protocol)) if submission.protocol else {}
    return (
        claims
        | declared
        | {"benchmark": submission.benchmark.slug}
        | {name: getattr(submission, name) for name in names}
    )
