"""What is answered where no view could: to people a page, to scripts a problem object."""

import sys
from http import HTTPStatus

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.views import defaults

from leaderboard.services.storage import StorageAway

API = "/api/"
# Stopped, restarting, out of connections, or locked by another for too long.
DATABASE_AWAY = (OperationalError, InterfaceError)
DATA_AWAY = (*DATABASE_AWAY, StorageAway)
RETRY_SECONDS = 5


def answer_fault(request: HttpRequest) -> HttpResponse:
    """Say that it is our fault. Nothing of what went wrong is told; the log has it."""
    if isinstance(sys.exception(), DATA_AWAY):
        return answer_away(request)
    if request.path.startswith(API):
        detail = "This is our fault and was noted; try again in a moment."
        return make_problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
    return defaults.server_error(request)


def answer_away(request: HttpRequest) -> HttpResponse:
    """Say that database or storage do not answer, which passes: whoever sends again in a while loses nothing."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    response: HttpResponse
    if request.path.startswith(API):
        response = make_problem(
            status, "The portal cannot reach its data just now; send the request again in a moment."
        )
    else:
        response = HttpResponse(loader.render_to_string("503.html"), status=status)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def answer_bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that the request cannot be read."""
    if request.path.startswith(API):
        return make_problem(HTTPStatus.BAD_REQUEST, "This request cannot be read; check its headers and its body.")
    return defaults.bad_request(request, exception)


def make_problem(status: HTTPStatus, detail: str) -> JsonResponse:
    """Return a problem object as leaderboard.api.problems does; REST framework may be what broke."""
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")
