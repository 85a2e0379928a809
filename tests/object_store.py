"""A stand-in for an S3-style store on loopback: what our storage asks of one, and what is the matter with it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "board"


@dataclass
class Store:
    """The objects by key. `trouble` is answered to all: "", a code of S3, or "silent" for nothing at all."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    trouble: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def entry(self) -> dict[str, Any]:
        """The entry in STORAGES of a portal that keeps its files here."""
        keys = {"access_key": "key", "secret_key": "secret", "region_name": "us-east-1"}
        options = {"bucket_name": BUCKET, "endpoint_url": self.url, **keys}
        return {"BACKEND": "portal.object_storage.ObjectStorage", "OPTIONS": options}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        # What is asked by HEAD is told its length and gets nothing.
        for name, value in {"Content-Length": str(len(body)), "ETag": '"tag"', **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status: int, code: str) -> None:
        self.answer(status, f"<Error><Code>{escape(code)}</Code><Message>No.</Message></Error>".encode())

    def is_in_trouble(self) -> bool:
        if self.store.trouble == "silent":
            self.store.closing.wait()
            self.close_connection = True
        elif self.store.trouble:
            self.fail({"NoSuchBucket": 404}.get(self.store.trouble, 403), self.store.trouble)
        return bool(self.store.trouble)

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")

    def do_HEAD(self) -> None:
        if not self.is_in_trouble():
            content = self.store.objects.get(self.key)
            self.fail(404, "NoSuchKey") if content is None else self.answer(200, content)

    def do_GET(self) -> None:
        if self.is_in_trouble():
            return
        content = self.store.objects[self.key]
        start, _, end = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        part = content[int(start) : int(end) + 1 if end else None]
        where = f"bytes {start}-{int(start) + len(part) - 1}/{len(content)}"
        self.answer(206 if "Range" in self.headers else 200, part, Content_Range=where)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.is_in_trouble():
            self.store.objects[self.key] = body
            self.answer(200)

    def do_DELETE(self) -> None:
        if not self.is_in_trouble():
            self.store.objects.pop(self.key, None)
            self.answer(204)

    def log_message(self, format: str, *args: Any) -> None:
        return


@contextmanager
def serve_store() -> Iterator[Store]:
    store = Store()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("StoreHandler", (Handler,), {"store": store}))
    store.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield store
    store.closing.set()
    server.shutdown()
    server.server_close()
