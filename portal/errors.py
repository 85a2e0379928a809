"""What is answered where no view could: to people a page, to scripts a problem object."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

API = "/api/"


def answer_fault(request: HttpRequest) -> HttpResponse:
    """Say that it is our fault. Nothing of what went wrong is told; the log has it."""
    if request.path.startswith(API):
        detail = "This is our fault and was noted; try again in a moment."
        return make_problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
    return defaults.server_error(request)


def answer_bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that the request cannot be read."""
    if request.path.startswith(API):
        return make_problem(HTTPStatus.BAD_REQUEST, "This request cannot be read; check its headers and its body.")
    return defaults.bad_request(request, exception)


def make_problem(status: HTTPStatus, detail: str) -> JsonResponse:
    """Return a problem object as leaderboard.api.problems does; REST framework may be what broke."""
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")
