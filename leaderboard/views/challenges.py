"""Readers object to an entry; admins answer."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leaderboard.models import Challenge, Entry
from leaderboard.queries.moderation import PER_PAGE, count_linted_boards, count_reports, list_tabs
from leaderboard.services.moderating.challenges import LONGEST, ChallengeRefused, challenge, settle
from leaderboard.views.moderation import staff_only
from leaderboard.views.requests import SignedInRequest, has_ended, keep_typed, pressed_on


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def challenge_entry(request: SignedInRequest, pk: int) -> HttpResponse:
    """Show the form, and take what is sent through it; where a session ended over it, ask to sign in again."""
    if has_ended(request):
        return keep_typed(request, _("Your session had ended. Sign in; what you typed is kept unless it is very long."))
    return show_form(request, pk)


@login_required
def show_form(request: SignedInRequest, pk: int) -> HttpResponse:
    shown = Entry.objects.filter(is_hidden=False).select_related("model", "benchmark__split__dataset")
    entry = get_object_or_404(shown, pk=pk)
    typed = request.POST if request.method == "POST" else request.GET
    text, url = typed.get("text", ""), typed.get("evidence_url", "")
    refused: ChallengeRefused | None = None
    if request.method == "POST":
        try:
            challenge(entry, text, url, by=request.user, at=timezone.now())
            messages.success(request, _("Thank you. An admin will look into it and answer you here."))
            return redirect("challenges")
        except ChallengeRefused as error:
            refused = error
    context = {
        "entry": entry,
        "text": text,
        "evidence_url": url,
        "field": refused.field if refused else "",
        "error": str(refused) if refused else "",
        "longest": LONGEST,
    }
    return render(request, "leaderboard/challenge.html", context, status=400 if refused else 200)


@login_required
@never_cache
@require_safe
def list_own(request: SignedInRequest) -> HttpResponse:
    """Show what the visitor has challenged and what was answered."""
    own = Challenge.objects.filter(challenger_id=request.user.pk)
    page = Paginator(own.select_related("entry__model", "entry__benchmark__split__dataset"), PER_PAGE)
    return render(request, "leaderboard/challenges.html", {"page": page.get_page(request.GET.get("page"))})


@staff_only
@never_cache
@require_safe
def list_reports(request: HttpRequest) -> HttpResponse:
    """Show the admins what readers object to, the oldest first."""
    waiting = Challenge.objects.filter(state=Challenge.State.OPEN).order_by("created_at", "pk")
    page = Paginator(waiting.select_related("challenger", "entry__model", "entry__benchmark__split__dataset"), PER_PAGE)
    context = {
        "tabs": list_tabs(),
        "linted": count_linted_boards(),
        "reports": count_reports(),
        "name": "reports",
        "page": page.get_page(request.GET.get("page")),
    }
    return render(request, "leaderboard/moderation_reports.html", context)


@pressed_on("reports")
@staff_only
@require_POST
def answer(request: SignedInRequest, pk: int) -> HttpResponse:
    """Accept or decline a challenge with an answer."""
    made = get_object_or_404(Challenge.objects.select_related("entry__model"), pk=pk)
    try:
        settle(
            made, "accept" in request.POST, request.POST.get("answer", "")[:LONGEST], by=request.user, at=timezone.now()
        )
        messages.success(request, _("Answered, and noted in the audit trail."))
    except ChallengeRefused as refused:
        messages.error(request, str(refused))
    return redirect(reverse("reports"))
