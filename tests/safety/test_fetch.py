"""Strangers' addresses: only public hosts are fetched from, and a server cannot hold or fool the fetcher."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evaluation import fetch as fetching
from evaluation.fetch import Fetched, FetchFault, FetchUnavailable, Limits, check_url, fetch, resolve

BODY = b"weights" * 1000
DIGEST = hashlib.sha256(BODY).hexdigest()

HOSTS = """
127.0.0.1 127.0.0.2 127.1.2.3 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255
192.168.0.1 192.168.255.255 169.254.169.254 169.254.0.1 100.64.0.1 100.127.255.255 192.0.0.1 192.0.0.170 192.0.2.1
192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
168.63.129.16 100.100.100.200
127.1 127.0.1 127 0 1 2130706433 017700000001 0x7f000001 0x7f.0.0.1 0x7f.1 0177.0.0.1 0177.1 127.0.0.01 127.0.0.0x1
3232235521 0xc0a80001 0xa9fea9fe 2852039166 169.254.43518 0xa9.0xfe.0xa9.0xfe 0251.0376.0251.0376 10.1 192.168.1
4294967295 99999999999 1.2.3 256.256.256.256 1.2.3.4.5 127.0.0.1. 0x 0x7f000001.
[::1] [::] [::2] [0:0:0:0:0:0:0:1] [fe80::1] [fe80::1%25eth0] [fec0::1] [fc00::1] [fd00::1] [fd00:ec2::254] [ff02::1]
[ff05::2] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1] [::ffff:a9fe:a9fe] [::ffff:8.8.8.8] [::127.0.0.1]
[64:ff9b::7f00:1] [64:ff9b::10.0.0.1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [2001:db8::1] [2001::1] [2002:7f00:1::]
[2002:a00:1::1] [100::1] [3fff::1] [5f00::1] [4000::1]
localhost LOCALHOST localhost. localhost.localdomain foo.localhost printer.local db.internal metadata.google.internal
router.lan nas.home intranet corp host redis postgres wiki.corp a.test b.invalid hidden.onion 1.0.0.127.in-addr.arpa
-a.org a-.org a..org .org a_b _ xn-- a.b- under.private
"""
PRIVATE_HOSTS = HOSTS.split()

MISFORMED = {
    "http": "http://example.org/w.pth",
    "ftp": "ftp://example.org/w.pth",
    "file": "file:///etc/passwd",
    "data": "data:text/plain,hello",
    "gopher": "gopher://example.org:70/1",
    "javascript": "javascript:alert(1)",
    "no scheme": "example.org/w.pth",
    "scheme-relative": "//example.org/w.pth",
    "no host": "https:///w.pth",
    "user": "https://user@example.org/w.pth",
    "user and password": "https://user:secret@example.org/w.pth",
    "empty user": "https://@example.org/w.pth",
    "host as user": "https://example.org@127.0.0.1/w.pth",
    "port 22": "https://example.org:22/w.pth",
    "port 80": "https://example.org:80/w.pth",
    "port 8443": "https://example.org:8443/w.pth",
    "port 0": "https://example.org:0/w.pth",
    "port 65536": "https://example.org:65536/w.pth",
    "port of letters": "https://example.org:x/w.pth",
    "space": "https://example.org/a b.pth",
    "line break": "https://example.org/a\r\nHost: evil",
    "null": "https://example.org/\0",
    "backslash": "https://example.org\\@127.0.0.1/",
    "letters of another script": "https://ⓛocalhost/w.pth",
    "dots of another script": "https://127。0。0。1/w.pth",
    "open bracket": "https://[::1/w.pth",
    "name in brackets": "https://[example.org]/w.pth",
    "version of the future": "https://[v1.x]/w.pth",
    "too long": "https://example.org/" + "a" * 1000,
    "empty": "",
}


def assert_one_sentence(sentence: str) -> None:
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 300


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
def test_host_that_is_not_public_is_refused(host: str) -> None:
    with pytest.raises(FetchFault) as refused:
        check_url(f"https://{host}/weights.pth")
    assert_one_sentence(str(refused.value))


@pytest.mark.parametrize("name", MISFORMED)
def test_address_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(FetchFault) as refused:
        check_url(MISFORMED[name])
    assert_one_sentence(str(refused.value))


def test_there_are_a_hundred_of_them() -> None:
    assert len(set(PRIVATE_HOSTS)) + len(MISFORMED) >= 100


@pytest.mark.parametrize(
    "url",
    [
        "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        "https://huggingface.co/timm/resnet50.a1_in1k/resolve/main/model.safetensors?download=true",
        "https://example.org:443/w.pth",
        "https://8.8.8.8/w.pth",
        "https://[2606:4700::1111]/w.pth",
        "https://[64:ff9b::808:808]/w.pth",
        "https://xn--bcher-kva.example.com/w.pth",
        "https://s3_bucket.s3.amazonaws.com/w.pth",
        "https://127.example.org/w.pth",
    ],
)
def test_public_address_is_taken(url: str) -> None:
    assert check_url(url).scheme == "https"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_name_that_resolves_to_a_private_address_is_refused(name: str) -> None:
    """The form is not asked here: this is what holds when a public name points inside."""
    with pytest.raises(FetchFault, match="private network"):
        resolve(name, 443, Limits(1, time.monotonic() + 5, allow_private=False))


class Handler(BaseHTTPRequestHandler):
    """A host of files, good and bad, by path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].strip("/")
        getattr(self, f"give_{name.partition('-')[0].partition('.')[0]}", self.give_nothing)()

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for key, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def give_nothing(self) -> None:
        self.answer(b"", 404)

    def give_weights(self) -> None:
        self.answer(BODY)

    def give_page(self) -> None:
        self.answer(b"<html>Sign in</html>", Content_Type="text/html; charset=utf-8")

    def give_packed(self) -> None:
        self.answer(BODY, Content_Encoding="gzip")

    def give_broken(self) -> None:
        self.answer(BODY, Content_Length=str(len(BODY) + 1))
        self.close_connection = True

    def give_busy(self) -> None:
        self.answer(b"", 503)

    def give_secret(self) -> None:
        self.answer(b"", 403)

    def give_loop(self) -> None:
        self.answer(b"", 302, Location="/loop")

    def give_thrice(self) -> None:
        left = int(self.path.rpartition("-")[2])
        self.answer(b"", 302, Location=f"/thrice-{left - 1}" if left > 1 else "/weights")

    def give_away(self) -> None:
        self.answer(b"", 302, Location=self.path.partition("?")[2])

    def give_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(BODY)

    def give_trickle(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(b"x")
            time.sleep(0.05)

    def give_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            self.wfile.write(b"X-Slow: 1\r\n")
            time.sleep(0.05)

    def log_message(self, format: str, *args: Any) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The fetcher hangs up on bad hosts; that is no error of the server."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def take(url: str, target: Path, **options: Any) -> Fetched:
    defaults = {"sha256": None, "max_bytes": 10**6, "timeout_seconds": 10, "allow_private": True}
    return fetch(url, target, **(defaults | options))


def test_file_is_fetched_whole_with_its_digest(host: str, tmp_path: Path) -> None:
    heard: list[tuple[int, int | None]] = []
    target = tmp_path / "weights"
    fetched = take(
        f"{host}/weights", target, sha256=DIGEST, on_progress=lambda done, total: heard.append((done, total))
    )
    assert target.read_bytes() == BODY
    assert fetched == Fetched(target, DIGEST, len(BODY), f"{host}/weights")
    assert heard[-1] == (len(BODY), len(BODY))


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "other digest": ("weights", {"sha256": "0" * 64}, "sha256 is"),
    "digest in the name": ("weights-0123abcd.pth", {}, "its name says 0123abcd"),
    "too large, as declared": ("weights", {"max_bytes": 100}, "more than the 100 that are taken"),
    "too large, undeclared": ("endless", {"max_bytes": 10**5}, "larger than the 100,000 bytes"),
    "web page": ("page", {}, "leads to a web page"),
    "compressed": ("packed", {}, "compressed although"),
    "redirect loop": ("loop", {}, "redirects more than 3 times"),
    "four redirects": ("thrice-4", {}, "redirects more than 3 times"),
    "redirect to a file": ("away?file:///etc/passwd", {}, "Only https://"),
    "redirect with a user": ("away?http://a:b@127.0.0.1/", {}, "no user name"),
    "not there": ("nothing", {}, "answered 404"),
    "not for us": ("secret", {}, "answered 403"),
}
LATER: dict[str, tuple[str, dict[str, Any]]] = {
    "trickle": ("trickle", {"timeout_seconds": 0.5}),
    "trickle of headers": ("headers", {"timeout_seconds": 0.5}),
    "broken off": ("broken", {}),
    "busy": ("busy", {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_host_sends_is_refused_and_leaves_no_file(host: str, tmp_path: Path, name: str) -> None:
    path, options, sentence = REFUSED[name]
    with pytest.raises(FetchFault, match=sentence) as refused:
        take(f"{host}/{path}", tmp_path / "weights", **options)
    assert_one_sentence(str(refused.value))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", LATER)
def test_host_that_fails_may_be_asked_again_and_does_not_hold_the_fetcher(host: str, tmp_path: Path, name: str) -> None:
    path, options = LATER[name]
    begin = time.monotonic()
    with pytest.raises(FetchUnavailable) as refused:
        take(f"{host}/{path}", tmp_path / "weights", **options)
    assert time.monotonic() - begin < 3
    assert_one_sentence(str(refused.value))
    assert list(tmp_path.iterdir()) == []


def test_three_redirects_are_followed(host: str, tmp_path: Path) -> None:
    assert take(f"{host}/thrice-3", tmp_path / "weights").final_url == f"{host}/weights"


def test_nobody_there_may_be_asked_again(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FetchUnavailable, match="did not answer"):
        take(f"http://127.0.0.1:{port}/weights", tmp_path / "weights")


@pytest.mark.parametrize("target", ["http://127.0.0.1/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/"])
def test_redirect_inside_is_refused(host: str, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address is let through, as a public one would be; where it redirects to is checked like any other."""
    first = f"{host}/away?{target}"
    strict = fetching.check_form
    parts = check_url(first, allow_private=True)
    monkeypatch.setattr(fetching, "check_url", lambda url, allow_private: parts)
    monkeypatch.setattr(fetching, "resolve", lambda name, port, limits: ["127.0.0.1"])
    monkeypatch.setattr(fetching, "check_form", lambda url, allow_private: strict(url, allow_private=False))
    with pytest.raises(FetchFault) as refused:
        take(first, tmp_path / "weights", allow_private=False)
    assert_one_sentence(str(refused.value))


def test_proxy_of_the_environment_is_not_used(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert take(f"{host}/weights", tmp_path / "weights").sha256 == DIGEST


def test_what_the_listener_raises_ends_the_download(host: str, tmp_path: Path) -> None:
    def stop(done: int, total: int | None) -> None:
        raise InterruptedError("let go")

    with pytest.raises(Exception, match=r"let go|did not answer"):
        take(f"{host}/endless", tmp_path / "weights", max_bytes=10**9, on_progress=stop)
    assert list(tmp_path.iterdir()) == []
