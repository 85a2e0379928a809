"""Errors as problem objects (RFC 9457): title, status, detail, and the reasons by field."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler

from leaderboard.queries import BadQuery
from leaderboard.sentences import say
from leaderboard.services.refusals import RequestRefused
from leaderboard.services.submitting.submissions import KeyReused
from leaderboard.services.submitting.uploads import UploadRefused
from leaderboard.states import TransitionRefused

# In the reader's language; tus has a status of its own.
PHRASES = {
    400: _("Bad Request"),
    401: _("Unauthorized"),
    403: _("Forbidden"),
    404: _("Not Found"),
    405: _("Method Not Allowed"),
    406: _("Not Acceptable"),
    409: _("Conflict"),
    413: _("Content Too Large"),
    415: _("Unsupported Media Type"),
    429: _("Too Many Requests"),
    460: _("Checksum Mismatch"),
}
CONTENT_TYPE = "application/problem+json"


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into a problem; None where it is no error of the caller."""
    # It is JSON, whatever the view writes.
    context["request"].accepted_renderer = JSONRenderer()
    context["request"].accepted_media_type = JSONRenderer.media_type
    match error:
        case BadQuery():
            return make_problem(400, errors={error.field: [str(error)]})
        case RequestRefused():
            return make_problem(400, errors={field or "request": [text] for field, text in error.errors.items()})
        case TransitionRefused():
            return make_problem(409, detail=say(str(error)))
        case KeyReused():
            reused = _("This Idempotency-Key was used for another submission; give each one a key of its own.")
            return make_problem(409, detail=str(reused))
        case UploadRefused():
            return make_problem(error.status, detail=str(error))
        case RequestDataTooBig():
            return make_problem(
                413, detail=str(_("The body is too large; send weights as a file of a multipart form."))
            )
        case TooManyFieldsSent() | TooManyFilesSent():
            return make_problem(400, detail=str(_("The form has more fields than the schema names; send those alone.")))
        case SuspiciousOperation():
            return make_problem(400, detail=str(error))
        case Http404() | PermissionDenied() | exceptions.APIException():
            return convert(error, context)
    return None


def convert(error: Exception, context: dict[str, Any]) -> Response | None:
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        return make_problem(400, errors=flatten(error.detail))
    detail = response.data.get("detail", "") if isinstance(response.data, dict) else ""
    problem = make_problem(response.status_code, detail=str(detail))
    for name in ("WWW-Authenticate", "Retry-After"):
        if name in response:
            problem[name] = response[name]
    return problem


def flatten(detail: Any) -> dict[str, list[str]]:
    if isinstance(detail, dict):
        return {str(field): list_reasons(reasons) for field, reasons in detail.items()}
    return {"request": list_reasons(detail)}


def list_reasons(detail: Any) -> list[str]:
    """Return all sentences of a field; those of a list's items are nested once more."""
    if isinstance(detail, dict):
        detail = list(detail.values())
    return [reason for each in detail for reason in list_reasons(each)] if isinstance(detail, list) else [str(detail)]


def make_problem(status: int, *, detail: str = "", errors: dict[str, list[str]] | None = None) -> Response:
    first = next((reasons[0] for reasons in (errors or {}).values() if reasons), "")
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": str(PHRASES.get(status) or HTTPStatus(status).phrase),
        "status": status,
        "detail": detail or first,
    }
    if errors:
        body["errors"] = errors
    return Response(body, status=status, content_type=CONTENT_TYPE)
