"""Which language a page speaks: what the browser asks for, unless its reader has chosen another."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.i18n import set_language

REFUSED = re.compile(r";\s*q\s*=\s*0(\.0*)?\s*\Z", re.IGNORECASE)


def drop_refused(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Let no request ask for a language that it refuses: to Django a weight of 0 is a last choice.

    Source: RFC 9110, section 12.4.2.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        if "HTTP_ACCEPT_LANGUAGE" in request.META:
            asked = request.META["HTTP_ACCEPT_LANGUAGE"].split(",")
            request.META["HTTP_ACCEPT_LANGUAGE"] = ", ".join(each.strip() for each in asked if not REFUSED.search(each))
        return get_response(request)

    return answer


@csrf_exempt
def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Keep the language that a reader chose.

    The form carries no token, as it stands on pages that are the same for everybody; one of another site is refused.
    """
    is_ours = request.headers.get("Origin", "") in {f"{request.scheme}://{request.get_host()}", settings.BASE_URL}
    answer: HttpResponseBase = (set_language if is_ours else csrf_protect(set_language))(request)
    return answer
