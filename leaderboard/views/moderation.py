"""What an admin decides on: one queue with its parts, one action on one or many things, each with a reason."""

from django.contrib import messages
from django.contrib.auth.decorators import user_passes_test
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from leaderboard.models import Benchmark
from leaderboard.models.audit import list_actions, list_kinds
from leaderboard.queries import BadQuery, read_findings
from leaderboard.queries.moderation import (
    QUEUES,
    Queue,
    count_linted_boards,
    count_reports,
    list_linted_boards,
    list_tabs,
    read_items,
    read_queue,
)
from leaderboard.queries.trail import TrailFilters, read_trail, read_trail_filters
from leaderboard.sentences import say
from leaderboard.services.moderating import decisions, moderation, repairs
from leaderboard.views.requests import SignedInRequest, pressed_on


def is_staff(user: AbstractUser | AnonymousUser) -> bool:
    """Tell whether the visitor may decide. Raises: PermissionDenied for who has signed in and may not.

    To ask them to sign in would send them to a page that sends them back.
    """
    if user.is_authenticated and not user.is_staff:
        raise PermissionDenied
    return user.is_staff


staff_only = user_passes_test(is_staff)
REASON_CHARACTERS = 1000
# These bear on a whole account, so that even a single one is confirmed.
GRAVE = {"ban"}


@staff_only
@never_cache
@require_safe
def show_queue(request: HttpRequest) -> HttpResponse:
    """Show one part of what waits for a decision, and how much waits in the others."""
    name = request.GET.get("queue", "")
    context = {"tabs": list_tabs(), "linted": count_linted_boards(), "reports": count_reports(), "name": name}
    if name == "claims":
        context["boards"] = [(facts.benchmark, read_findings(facts)) for facts in list_linted_boards()]
        return render(request, "leaderboard/moderation_claims.html", context)
    queue = find_queue(name)
    page, items = read_queue(queue, request.GET.get("page"))
    context |= {"queue": queue, "name": queue.name, "page": page, "items": items, "all": "all" in request.GET}
    return render(request, "leaderboard/moderation.html", context)


def find_queue(name: str) -> Queue:
    """Return the queue of this name, the first where none is named. Raises: Http404."""
    if name and name not in QUEUES:
        raise Http404
    return QUEUES[name or next(iter(QUEUES))]


@pressed_on("moderation")
@staff_only
@require_POST
def decide(request: SignedInRequest) -> HttpResponse:
    """Carry out one decision on everything that was chosen; several things are listed and confirmed first."""
    queue = find_queue(request.POST.get("queue", ""))
    action, keys = request.POST.get("action", ""), list(dict.fromkeys(request.POST.getlist("chosen")))
    reason = request.POST.get("reason", "")[:REASON_CHARACTERS]
    if action not in queue.actions:
        raise Http404
    try:
        decisions.check_many(action, keys, reason)
    except (moderation.ReasonRequired, decisions.TooMany) as refused:
        messages.error(request, str(refused))
        return go_to(queue)
    if not keys:
        messages.error(request, _("Choose at least one."))
        return go_to(queue)
    typed = request.POST.get("typed")
    if (len(keys) > 1 or action in GRAVE) and typed != str(len(keys)):
        return ask_again(request, queue, action, keys, reason)
    tell(request, decisions.decide_many(action, keys, by=request.user, reason=reason))
    return go_to(queue)


def ask_again(request: HttpRequest, queue: Queue, action: str, keys: list[str], reason: str) -> HttpResponse:
    """List what will happen, and ask for the number of things to be typed. Raises: Http404."""
    try:
        numbers = [int(key) if decisions.is_number(key) else decisions.read_uuid(key) for key in keys]
    except decisions.NothingThere as nothing:
        raise Http404 from nothing
    context = {
        "queue": queue,
        "action": action,
        "items": read_items(queue, [str(number) for number in numbers]),
        "keys": keys,
        "reason": reason,
        "is_wrong": "typed" in request.POST,
    }
    return render(request, "leaderboard/confirm.html", context)


def tell(request: HttpRequest, decided: decisions.Decided) -> None:
    if decided.count:
        done = ngettext(
            "Done, and noted in the audit trail.", "%(n)s done, and noted in the audit trail.", decided.count
        )
        messages.success(request, done % {"n": decided.count})
    for sentence in decided.refusals:
        messages.error(request, sentence)


def go_to(queue: Queue) -> HttpResponse:
    return redirect(f"{reverse('moderation')}?queue={queue.name}")


@pressed_on("moderation")
@staff_only
@require_POST
def act(request: SignedInRequest, action: str, target: str) -> HttpResponse:
    """Carry out one decision on one thing, named in the address."""
    try:
        decisions.decide(action, target, by=request.user, reason=request.POST.get("reason", "")[:REASON_CHARACTERS])
        messages.success(request, _("Done, and noted in the audit trail."))
    except decisions.NothingThere as nothing:
        raise Http404 from nothing
    except decisions.REFUSALS as refused:
        messages.error(request, say(str(refused)))
    return redirect("moderation")


@pressed_on("moderation")
@staff_only
@require_POST
def accept_repair(request: SignedInRequest, slug: str, digest: str) -> HttpResponse:
    """Carry out what the claim lint proposes for one finding."""
    benchmark = get_object_or_404(Benchmark, slug=slug)
    reason = request.POST.get("reason", "")[:REASON_CHARACTERS]
    try:
        count = repairs.accept(benchmark, digest, by=request.user, at=timezone.now(), reason=reason)
        messages.success(request, _("%(n)s changes made, and noted in the audit trail.") % {"n": count})
    except (moderation.ReasonRequired, repairs.RepairGone) as refused:
        messages.error(request, str(refused))
    return redirect("findings", slug)


@pressed_on("moderation")
@staff_only
@require_POST
def look_at_findings(request: SignedInRequest, slug: str) -> HttpResponse:
    """Take a board whose findings need nothing out of the queue."""
    benchmark = get_object_or_404(Benchmark, slug=slug)
    reason = request.POST.get("reason", "")[:REASON_CHARACTERS]
    moderation.look_at_findings(benchmark, by=request.user, at=timezone.now(), reason=reason)
    messages.success(request, _("Noted in the audit trail."))
    return redirect(f"{reverse('moderation')}?queue=claims")


@staff_only
@never_cache
@require_safe
def show_trail(request: HttpRequest) -> HttpResponse:
    """Show the audit trail, narrowed by who, what and when."""
    filters, error = TrailFilters(), ""
    try:
        filters = read_trail_filters(request.GET.dict())
    except BadQuery as bad:
        error = str(bad)
    context = {"trail": read_trail(filters), "filters": filters, "error": error}
    context |= {"actions": list_actions(), "kinds": list_kinds()}
    return render(request, "leaderboard/trail.html", context, status=400 if error else 200)
