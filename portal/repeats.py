"""Answer repeated reads of a board before anything else runs.

What a visitor without a session sees of a board follows from its version, the address and the request's headers. So
"has it changed?" is answered from these alone, and what the API has answered is kept as it is until the version moves.
"""

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase

from leaderboard.versions import read_version

BOARD = re.compile(r"/(?:(?P<api>api/v1/)benchmarks/(?P<board>[-\w]+)/leaderboard/|benchmarks/(?P<page>[-\w]+)/)\Z")
HEADERS = ("HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_COOKIE", "HTTP_HX_REQUEST", "HTTP_HX_HISTORY_RESTORE_REQUEST")
# Names of datasets and protocols move no version; so long they may stand as they were.
KEPT_SECONDS = 600
MADE_FROM = {".html", ".css", ".js", ".svg", ".mo", ".py", ".xml"}
MOST_KEPT, MOST_BYTES = 256, 300_000


@dataclass(frozen=True)
class Kept:
    """An answer of the API."""

    body: bytes
    headers: tuple[tuple[str, str], ...]
    etag: str


class RepeatMiddleware:
    """Say 304, or the same again, where nothing has changed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.release = find_release()
        self.kept: OrderedDict[str, Kept] = OrderedDict()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        asked = BOARD.match(request.path_info) if can_repeat(request) else None
        version = read_version(asked["board"] or asked["page"]) if asked else None
        if asked is None or version is None:
            return self.get_response(request)
        # Taken before the answer is made: what is written meanwhile makes the tag too old, never the answer.
        name = self.name(request, version)
        return self.answer_api(request, name) if asked["api"] else self.answer_page(request, name)

    def name(self, request: HttpRequest, version: int) -> str:
        """Return a digest of all that the answer follows from."""
        meta = request.META
        parts = [str(version), self.release, str(int(time.time() // KEPT_SECONDS)), str(request.scheme)]
        parts += [meta.get("HTTP_HOST", ""), request.path_info, meta.get("QUERY_STRING", "")]
        parts += [meta.get(header, "") for header in HEADERS]
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()

    def answer_page(self, request: HttpRequest, name: str) -> HttpResponseBase:
        etag = f'W/"{name}"'
        if has_it(request, etag):
            return say_unchanged(etag, "private, no-cache")
        response = self.get_response(request)
        if response.status_code == 200 and not sets_new_cookie(request, response):
            response["ETag"], response["Cache-Control"] = etag, "private, no-cache"
        return response

    def answer_api(self, request: HttpRequest, name: str) -> HttpResponseBase:
        kept = self.kept.get(name)
        if kept is None:
            response = self.get_response(request)
            self.keep(name, response)
            return response
        if has_it(request, kept.etag):
            return say_unchanged(kept.etag, "no-cache")
        return HttpResponse(kept.body, headers=dict(kept.headers))

    def keep(self, name: str, response: HttpResponseBase) -> None:
        is_plain = isinstance(response, HttpResponse) and response.status_code == 200 and not response.cookies
        if is_plain and isinstance(response, HttpResponse) and len(response.content) <= MOST_BYTES:
            self.kept[name] = Kept(response.content, tuple(response.headers.items()), response.headers.get("ETag", ""))
            while len(self.kept) > MOST_KEPT:
                self.kept.popitem(last=False)


def can_repeat(request: HttpRequest) -> bool:
    """Tell whether the answer is the same for everybody: nobody is signed in, nothing is written."""
    meta = request.META
    is_known = f"{settings.SESSION_COOKIE_NAME}=" in meta.get("HTTP_COOKIE", "") or "HTTP_AUTHORIZATION" in meta
    return request.method == "GET" and not is_known


def has_it(request: HttpRequest, etag: str) -> bool:
    """Tell whether the visitor names this tag among those that are at hand, weak or not."""
    named = request.META.get("HTTP_IF_NONE_MATCH", "")
    return bool(etag) and etag.removeprefix("W/") in (each.strip().removeprefix("W/") for each in named.split(","))


def sets_new_cookie(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Tell whether the page is another one the next time, when the cookie is sent. The forms' token is sent anew each
    time to live longer, and is the same."""
    sent = request.META.get("HTTP_COOKIE", "")
    return any(f"{name}={cookie.value}" not in sent for name, cookie in response.cookies.items())


def say_unchanged(etag: str, policy: str) -> HttpResponse:
    return HttpResponseNotModified(headers={"ETag": etag, "Cache-Control": policy})


def find_release() -> str:
    """Return a digest of what pages are made from besides the database."""
    folders = [settings.BASE_DIR / name for name in ("templates", "static", "locale", "leaderboard")]
    # Not what Python compiles as it goes: each process of a server has to come to the same digest.
    files = (file for folder in folders for file in sorted(Path(folder).rglob("*")) if file.suffix in MADE_FROM)
    facts = "".join(f"{file.name}{file.stat().st_size}{file.stat().st_mtime_ns}" for file in files)
    return hashlib.blake2b(facts.encode(), digest_size=8).hexdigest()
