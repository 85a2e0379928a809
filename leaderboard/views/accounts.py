"""The visitor's own account: API tokens; and the portal's public key."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from knox.models import AuthToken

from evaluation.attestation import load_or_make_key, write_public_key
from leaderboard.services.intake import count_left, find_ban
from leaderboard.views.requests import SignedInRequest

MAX_TOKENS = 10


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
    }
    return render(request, "leaderboard/account.html", context)


@require_safe
def show_key(request: HttpRequest) -> HttpResponse:
    """Hand out the public key that attestations are checked with."""
    pem = write_public_key(load_or_make_key(settings.SIGNING_KEY_FILE))
    return HttpResponse(pem, content_type="application/x-pem-file")
