"""Null bytes, which no text in PostgreSQL holds: a form with one in it is refused before its view stores half of it."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal.errors import API


class NullByteMiddleware:
    """Stands after the check of a form's token, which reads the form. The API names the field instead."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """Raises: BadRequest."""
        if request.method != "POST" or request.path.startswith(API):
            return
        if any("\0" in text for _name, texts in request.POST.lists() for text in texts):
            raise BadRequest("a field of the form holds a null byte")
