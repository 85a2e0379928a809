"""What a request carries on the way to a view, and what becomes of it where the visitor's session has ended."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

if TYPE_CHECKING:
    from portal.accounts.models import User

NOT_TYPED = ("csrfmiddlewaretoken", "request_key", "check", "entry", "again")
LONGEST_ADDRESS = 3000
View = Callable[..., HttpResponse]


class HtmxRequest(HttpRequest):
    """Tells whether htmx asks for a fragment."""

    htmx: HtmxDetails


class SignedInRequest(HttpRequest):
    """A request that `login_required` let through."""

    user: "User"


def has_ended(request: HttpRequest) -> bool:
    """Tell whether a form was sent by a visitor whose session ended over it."""
    return request.method == "POST" and request.user.is_anonymous


def keep_typed(request: HttpRequest, sentence: str) -> HttpResponse:
    """Send to where one signs in, with a sentence; what was typed comes back with the form."""
    typed = {name: text for name, text in request.POST.dict().items() if text and name not in NOT_TYPED}
    # The address is escaped once more, and servers take no longer line; what is long is typed again.
    while len(quote(address := f"{request.path}?{urlencode(typed)}")) > LONGEST_ADDRESS:
        del typed[max(typed, key=lambda name: len(typed[name]))]
    messages.info(request, sentence)
    return redirect_to_login(address)


def pressed_on(page: str) -> Callable[[View], View]:
    """Lead who has to sign in for a button back to the page that it stands on, or to the one of this name.

    The address behind a button takes nothing but what the button sends: nobody could open it after signing in. Who
    opens it all the same, as by another language on a page that asks for a confirmation, is led to the page of this
    name.
    """

    def wrap(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.user.is_authenticated:
                response = view(request, *args, **kwargs)
                is_opened = response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method in ("GET", "HEAD")
                return redirect(page) if is_opened else response
            if request.method == "POST":
                messages.info(request, _("Your session had ended, and nothing was done. Sign in and do it again."))
            return lead(request, redirect_to_login(find_page(request) or reverse(page)))

        return answer

    return wrap


def is_script(request: HttpRequest) -> bool:
    """Tell whether htmx asks, which puts the answer into the page that is open."""
    return "HX-Request" in request.headers


def lead(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return a redirect in the form in which a script loads the page that it leads to.

    One that followed it by itself would put that page into the open one, and be shown the sentences meant for it.
    """
    is_redirect = response.status_code == HTTPStatus.FOUND
    return HttpResponseClientRedirect(response["Location"]) if is_redirect and is_script(request) else response


def find_page(request: HttpRequest) -> str:
    """Return the path of the page of ours that the request comes from, "" where there is no other."""
    came_from = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure()):
        return ""
    parts = urlsplit(came_from)
    return parts._replace(scheme="", netloc="").geturl() if parts.path != request.path else ""
