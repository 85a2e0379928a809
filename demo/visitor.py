"""A visitor of the portal: fetches its pages and fills in its forms as a browser does, cookies and CSRF included."""

import html
import http.client
import json
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from demo.words import DemoFailed

TIMEOUT_SECONDS = 60
TOKEN = re.compile(r'name="csrfmiddlewaretoken"\s+value="([^"]+)"')
ERROR = re.compile(
    r'<(?:li|p|span|div)(?![^>]*\bhidden\b)([^>]*class="[^"]*error[^"]*"[^>]*)>(.*?)</(?:li|p|span|div)>', re.S
)


@dataclass(frozen=True)
class Page:
    """What an address answered, after redirects."""

    address: str
    status: int
    text: str

    def find_errors(self) -> list[str]:
        """Return the sentences that a form shows beside its fields; what it says above them where there are none."""
        found = {read_plain(text): 'role="alert"' in attributes for attributes, text in ERROR.findall(self.text)}
        beside = [sentence for sentence, is_above in found.items() if not is_above]
        return beside or [sentence for sentence in found if sentence]


def read_plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


class Visitor:
    """Keeps the cookies of one visit to the portal at `base`."""

    def __init__(self, base: str) -> None:
        self.base = base
        # No proxy from the environment: the portal is on this machine.
        proxies = urllib.request.ProxyHandler({})
        self.opener = urllib.request.build_opener(proxies, urllib.request.HTTPCookieProcessor(CookieJar()))

    def open(self, request: urllib.request.Request) -> Page:
        try:
            with self.opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return Page(answer.url, answer.status, answer.read().decode())
        except urllib.error.HTTPError as answer:
            return Page(str(answer.url), answer.code, answer.read().decode(errors="replace"))

    def get(self, path: str) -> Page:
        return self.open(urllib.request.Request(self.base + path, headers={"Accept": "text/html"}))

    def get_json(self, path: str) -> Any:
        """Raises: DemoFailed where the portal answers anything but 200."""
        page = self.open(urllib.request.Request(self.base + path, headers={"Accept": "application/json"}))
        if page.status != http.client.OK:
            raise DemoFailed(f"{path} answered {page.status}: {page.text[:300]}")
        return json.loads(page.text)

    def answers(self, path: str) -> int:
        """Return the status of an address, 0 while nothing listens there."""
        try:
            return self.get(path).status
        except OSError:
            return 0

    def fill_in(self, path: str, fields: Mapping[str, str], files: Mapping[str, Path] | None = None) -> Page:
        """Fetch the form at `path`, fill it in and send it."""
        token = TOKEN.search(self.get(path).text)
        if token is None:
            raise DemoFailed(f"{path} shows no form.")
        boundary = secrets.token_hex(16)
        body = encode({"csrfmiddlewaretoken": token[1], **fields}, files or {}, boundary)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Referer": self.base + path}
        return self.open(urllib.request.Request(self.base + path, data=body, headers=headers, method="POST"))


def encode(fields: Mapping[str, str], files: Mapping[str, Path], boundary: str) -> bytes:
    """Return the fields and files as multipart/form-data."""
    parts = []
    for name, value in fields.items():
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode())
    for name, path in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{path.name}"\r\n'
        parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + path.read_bytes())
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
