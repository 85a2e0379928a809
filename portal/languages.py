"""Switching the language by a form that carries no token, as it stands on pages that are the same for everybody."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.i18n import set_language


@csrf_exempt
def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Keep the language that a reader chose. A form of another site is refused, as it lacks a token too."""
    is_ours = request.headers.get("Origin", "") in {f"{request.scheme}://{request.get_host()}", settings.BASE_URL}
    answer: HttpResponseBase = (set_language if is_ours else csrf_protect(set_language))(request)
    return answer
