"""The visitor's webhooks: who is told, of what, and what became of the latest messages."""

import json
from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from leaderboard.models import Delivery, Webhook
from leaderboard.services.refusals import RequestRefused
from leaderboard.services.telling import webhooks
from leaderboard.views.requests import SignedInRequest

DELIVERIES_SHOWN = 20


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def list_own(request: SignedInRequest) -> HttpResponse:
    """Show the account's webhooks, and make one. Its secret is shown this once."""
    values: dict[str, object] = {"url": "", "events": list(Webhook.Event.values)}
    errors: dict[str, str] = {}
    if request.method == "POST":
        values = {"url": request.POST.get("url", ""), "events": request.POST.getlist("events")}
        try:
            made = webhooks.make(
                request.POST.get("url", ""), request.POST.getlist("events"), by=request.user, at=timezone.now()
            )
        except RequestRefused as refused:
            errors = refused.errors
        else:
            return show_page(request, made, secret=webhooks.make_secret(made))
    context = {
        "webhooks": webhooks.list_own(request.user),
        "events": Webhook.Event,
        "values": values,
        "errors": errors,
        "general_error": errors.get("", ""),
    }
    return render(request, "leaderboard/webhooks.html", context, status=400 if errors else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show one with its latest messages; change it, test it, end it or begin it again."""
    webhook = get_object_or_404(webhooks.list_own(request.user), pk=pk)
    if request.method != "POST":
        return show_page(request, webhook)
    action = request.POST.get("action", "")
    if action == "change":
        try:
            webhooks.change(webhook, request.POST.get("url", ""), request.POST.getlist("events"))
        except RequestRefused as refused:
            return show_page(request, webhook, errors=refused.errors)
        messages.success(request, _("Stored."))
    elif action == "delete":
        webhook.delete()
        messages.success(request, _("The webhook is deleted."))
        return redirect("webhooks")
    elif action in ACTIONS:
        messages.success(request, ACTIONS[action](webhook, request))
    else:
        raise Http404
    return redirect(webhook)


def send_test(webhook: Webhook, request: SignedInRequest) -> str:
    webhooks.send_test(webhook, at=timezone.now())
    return _("A test is on its way; load the page again in a moment to see what was answered.")


def send_again(webhook: Webhook, request: SignedInRequest) -> str:
    """Raises: Http404."""
    wanted = request.POST.get("delivery", "")
    delivery = next((each for each in webhook.deliveries.all() if str(each.pk) == wanted), None)
    if delivery is None:
        raise Http404
    webhooks.send_again(delivery, at=timezone.now())
    return _("The message is on its way again.")


def enable(webhook: Webhook, request: SignedInRequest) -> str:
    webhooks.enable(webhook)
    return _("The webhook is told again.")


def disable(webhook: Webhook, request: SignedInRequest) -> str:
    webhooks.disable(webhook, at=timezone.now())
    return _("Nothing more is sent to it.")


ACTIONS: dict[str, Callable[[Webhook, SignedInRequest], str]] = {
    "test": send_test,
    "again": send_again,
    "enable": enable,
    "disable": disable,
}


def show_page(
    request: SignedInRequest, webhook: Webhook, *, secret: str = "", errors: dict[str, str] | None = None
) -> HttpResponse:
    latest = list(webhook.deliveries.all()[:DELIVERIES_SHOWN])
    context = {
        "webhook": webhook,
        "secret": secret,
        "errors": errors or {},
        "general_error": "",
        "events": Webhook.Event,
        "values": {"url": webhook.url, "events": webhook.events},
        "deliveries": [(delivery, write_body(delivery)) for delivery in latest],
        "shown": DELIVERIES_SHOWN,
    }
    return render(request, "leaderboard/webhook.html", context, status=400 if errors else 200)


def write_body(delivery: Delivery) -> str:
    return json.dumps(delivery.payload, indent=2, ensure_ascii=False)
