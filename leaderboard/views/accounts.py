"""The visitor's own account: API tokens, what is told by mail, its end; and the portal's public key."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, logout
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from knox.models import AuthToken

from evaluation.attestation import load_or_make_key, write_public_key
from leaderboard.models import NoticeSettings
from leaderboard.queries.bans import find_ban
from leaderboard.services.submitting.accounts import DeletionRefused, count_under_way, delete_account
from leaderboard.services.submitting.quota import count_left
from leaderboard.services.telling.mails import read_token
from leaderboard.views.requests import SignedInRequest, pressed_on

MAX_TOKENS = 10
CHOICES = ("on_finish", "on_overtaken", "on_moderation")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: SignedInRequest) -> HttpResponse:
    """Show the account and its tokens; make one or take one back. A new token is shown this once."""
    tokens = AuthToken.objects.filter(user=request.user).order_by("created")
    new_token = ""
    if request.method == "POST" and "revoke" in request.POST:
        tokens.filter(token_key=request.POST["revoke"][:32]).delete()
        messages.info(request, _("The token no longer works."))
        return redirect("account")
    if request.method == "POST":
        if tokens.count() >= MAX_TOKENS:
            messages.error(request, _("You have %(n)s tokens; take one back first.") % {"n": MAX_TOKENS})
            return redirect("account")
        new_token = AuthToken.objects.create(user=request.user)[1]
    context = {
        "tokens": tokens,
        "new_token": new_token,
        "ban": find_ban(request.user),
        "left": count_left(request.user),
        "base_url": settings.BASE_URL,
        "notices": find_settings(request),
        "languages": settings.LANGUAGES,
        "has_github": bool(settings.SOCIALACCOUNT_PROVIDERS),
    }
    return render(request, "leaderboard/account.html", context)


def find_settings(request: SignedInRequest) -> NoticeSettings:
    """Return what the account wants to be told, as stored or as it starts."""
    stored = NoticeSettings.objects.filter(user_id=request.user.pk).first()
    return stored or NoticeSettings(user_id=request.user.pk, language=get_language() or settings.LANGUAGE_CODE)


@pressed_on("account")
@require_POST
def choose_notices(request: SignedInRequest) -> HttpResponse:
    """Store what the account wants to be told by mail, and in which language."""
    language = request.POST.get("language", "")
    values: dict[str, object] = {name: name in request.POST for name in CHOICES}
    values["language"] = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    NoticeSettings.objects.update_or_create(user_id=request.user.pk, defaults=values)
    messages.success(request, _("Stored."))
    return redirect("account")


# A mail program posts here by itself, without our cookies: the signed address is the permission.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop_notices(request: HttpRequest, token: str) -> HttpResponse:
    """Send no more mail of one kind. Opening the address alone changes nothing: programs that scan mail do that."""
    try:
        user_id, setting = read_token(token)
    except signing.BadSignature as error:
        raise Http404 from error
    # Whose account is deleted is sent nothing more anyway.
    if request.method == "POST" and get_user_model().objects.filter(pk=user_id).exists():
        NoticeSettings.objects.update_or_create(user_id=user_id, defaults={setting: False})
    context = {"setting": setting, "is_done": request.method == "POST"}
    return render(request, "leaderboard/notices_stop.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: SignedInRequest) -> HttpResponse:
    """Say what deleting the account means, and do it once the password, or without one the name, is typed."""
    user, error = request.user, ""
    has_password = user.has_usable_password()
    if request.method == "POST":
        typed = request.POST.get("typed", "")
        is_sure = user.check_password(typed) if has_password else typed == user.username
        try:
            if is_sure:
                delete_account(user, at=timezone.now())
                logout(request)
                messages.success(request, _("Your account is deleted."))
                return redirect("home")
            error = _("That is not your password.") if has_password else _("That is not your user name.")
        except DeletionRefused as refused:
            error = str(refused)
    context = {"has_password": has_password, "error": error, "under_way": count_under_way(user)}
    return render(request, "leaderboard/account_delete.html", context, status=400 if error else 200)


@require_safe
def show_key(request: HttpRequest) -> HttpResponse:
    """Hand out the public key that attestations are checked with."""
    pem = write_public_key(load_or_make_key(settings.SIGNING_KEY_FILE))
    return HttpResponse(pem, content_type="application/x-pem-file")
