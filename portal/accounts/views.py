"""The one page of allauth that asks too little: an address is removed only once that was confirmed."""

from typing import Any

from allauth.account.views import EmailView
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator


@method_decorator(login_required, name="dispatch")
class ConfirmingEmailView(EmailView):  # type: ignore[misc]
    """Asks, without script too, before an address is removed."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "action_remove" in request.POST and request.POST.get("email") and "confirmed" not in request.POST:
            return render(request, "account/email_remove.html", {"email": request.POST["email"][:254]})
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer
