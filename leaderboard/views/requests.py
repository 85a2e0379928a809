"""What a request carries on the way to a view, for the type checker."""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

if TYPE_CHECKING:
    from portal.accounts.models import User


class HtmxRequest(HttpRequest):
    """Tells whether htmx asks for a fragment."""

    htmx: HtmxDetails


class SignedInRequest(HttpRequest):
    """A request that `login_required` let through."""

    user: "User"
