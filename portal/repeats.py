"""Answer repeated reads of a board before anything else runs.

What a visitor without a session sees of a board follows from its version, the address, the language and a few
headers: no page of it carries a token or a name. So "has it changed?" is answered from these alone, and what was
answered is kept as it is until the version moves.
"""

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.middleware.http import ConditionalGetMiddleware
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.translation import get_language_from_request

from leaderboard.versions import read_version
from portal.errors import API

BOARD = re.compile(r"/(?:(?P<api>api/v1/)benchmarks/(?P<board>[-\w]+)/leaderboard/|benchmarks/(?P<page>[-\w]+)/)\Z")
READING = ("GET", "HEAD")
HEADERS = ("HTTP_HOST", "PATH_INFO", "QUERY_STRING", "HTTP_HX_REQUEST", "HTTP_HX_HISTORY_RESTORE_REQUEST")
# What is written past all signals shows after so long.
KEPT_SECONDS = 600
TAGS = ("ETag", "Cache-Control", "Vary")
MADE_FROM = {".html", ".css", ".js", ".svg", ".mo", ".py", ".xml"}
MESSAGES_COOKIE = CookieStorage.cookie_name
# How long a thread waits for another that makes the same answer.
WAIT_SECONDS = 20
MOST_KEPT, MOST_BYTES = 256, 300_000


@dataclass(frozen=True)
class Kept:
    """An answer that is sent again."""

    body: bytes
    headers: dict[str, str]

    def answer(self) -> HttpResponse:
        return HttpResponse(self.body, headers=self.headers)


class RepeatMiddleware:
    """Say 304, or the same again, where nothing has changed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.release = find_release()
        self.kept: OrderedDict[str, Kept] = OrderedDict()
        # What is being made just now, and who waits for it.
        self.making: dict[str, threading.Event] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        asked = BOARD.match(request.path_info) if can_repeat(request) else None
        version = read_version(asked["board"] or asked["page"]) if asked else None
        if asked is None or version is None:
            return self.get_response(request)
        is_api = bool(asked["api"])
        # Taken before the answer is made: what is written meanwhile makes the tag too old, never the answer.
        name = self.name(request, version, is_api=is_api)
        kept = self.kept.get(name)
        # A page has one tag in every process, so that one which never made it knows it too.
        headers = kept.headers if kept else {} if is_api else tag_page(name)
        if has_it(request, headers.get("ETag", "")):
            return HttpResponseNotModified(headers={each: headers[each] for each in TAGS if each in headers})
        if kept is not None:
            return kept.answer()
        return self.make_once(
            name, lambda: self.keep(name, self.get_response(request), {} if is_api else tag_page(name))
        )

    def make_once(self, name: str, make: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """Let one thread make what many ask for at once, as just after a change; the others wait for what it keeps."""
        made = threading.Event()
        # One operation: of two threads one is first.
        first = self.making.setdefault(name, made)
        if first is not made:
            first.wait(WAIT_SECONDS)
        try:
            # Where nothing is kept it is somebody's own, or late: each makes its own then.
            kept = self.kept.get(name)
            return kept.answer() if kept else make()
        finally:
            if first is made:
                del self.making[name]
                made.set()

    def name(self, request: HttpRequest, version: int, *, is_api: bool) -> str:
        """Return a digest of all that the answer follows from."""
        # Cookies and headers name the language in a thousand ways, of which a page knows two.
        parts = [str(version), self.release, str(int(time.time() // KEPT_SECONDS)), str(request.scheme)]
        parts += [get_language_from_request(request), request.META.get("HTTP_ACCEPT", "") if is_api else ""]
        parts += [request.META.get(header, "") for header in HEADERS]
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()

    def keep(self, name: str, response: HttpResponseBase, tags: dict[str, str]) -> HttpResponseBase:
        """Keep the answer where it is nobody's own."""
        # Where a form's token is in it, its cookie is sent with it.
        if not isinstance(response, HttpResponse) or response.status_code != 200 or response.cookies:
            return response
        for header, value in tags.items():
            response[header] = value
        if len(response.content) <= MOST_BYTES:
            self.kept[name] = Kept(response.content, dict(response.items()))
            while len(self.kept) > MOST_KEPT:
                self.kept.popitem(last=False)
        return response


class TagMiddleware(ConditionalGetMiddleware):
    """Give what the API tells a tag, and say 304 to scripts that have it. Pages hold tokens, so no two are the same."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_told = request.method in READING and request.path.startswith(API)
        if not is_told or not isinstance(response, HttpResponse):
            return response
        # Django's own leaves HEAD out, which is to be answered as GET is, in all but the body.
        if self.needs_etag(response) and "ETag" not in response:
            set_response_etag(response)
        return get_conditional_response(request, response.get("ETag"), response=response) or response


def tag_page(name: str) -> dict[str, str]:
    return {"ETag": f'W/"{name}"', "Cache-Control": "private, no-cache", "Vary": "HX-Request, Cookie, Accept-Language"}


def can_repeat(request: HttpRequest) -> bool:
    """Tell whether the answer is the same for everybody: nobody is signed in or told something, nothing is written."""
    cookies = request.META.get("HTTP_COOKIE", "")
    is_known = any(f"{name}=" in cookies for name in (settings.SESSION_COOKIE_NAME, MESSAGES_COOKIE))
    return request.method in READING and not is_known and "HTTP_AUTHORIZATION" not in request.META


def has_it(request: HttpRequest, etag: str) -> bool:
    """Tell whether the visitor names this tag among those that are at hand, weak or not."""
    named = [each.strip().removeprefix("W/") for each in request.META.get("HTTP_IF_NONE_MATCH", "").split(",")]
    return bool(etag) and (named == ["*"] or etag.removeprefix("W/") in named)


def find_release() -> str:
    """Return a digest of what pages are made from besides the database."""
    folders = [settings.BASE_DIR / name for name in ("templates", "static", "locale", "leaderboard")]
    # Not what Python compiles as it goes: each process of a server has to come to the same digest.
    files = (file for folder in folders for file in sorted(Path(folder).rglob("*")) if file.suffix in MADE_FROM)
    facts = "".join(f"{file.name}{file.stat().st_size}{file.stat().st_mtime_ns}" for file in files)
    return hashlib.blake2b(facts.encode(), digest_size=8).hexdigest()
