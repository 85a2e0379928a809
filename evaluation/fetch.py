"""Download a weights file from a stranger's address, to a public host and nowhere else.

Standard library only. A name is resolved once; every address it has must be public, and the connection goes to just
the address that was checked, so that a name cannot change between check and use. Redirects are followed by hand and
checked the same way. No proxy from the environment is used.
"""

import contextlib
import errno
import hashlib
import http.client
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import SplitResult, urljoin, urlsplit

from evaluation import hosts
from evaluation.contract import InputFault

MAX_REDIRECTS = 3
BLOCK_BYTES = 2**20
SOCKET_SECONDS = 20.0
# Slower than this over a whole minute is a connection kept open, not a download.
MIN_BYTES_PER_MINUTE = 60 * 1024
REDIRECTS = (301, 302, 303, 307, 308)
TEMPORARY = (408, 425, 429)
AGENT = "Veriboard-fetcher/1"
MAX_ADDRESS = 1000
# What hosts sign into the address of a download is long.
MAX_REDIRECT_ADDRESS = 8000
# torch.hub's convention: the name of a published file ends in the first digits of its sha256. Dates look alike.
HUB_NAME = re.compile(r"-(?!(?:19|20)[0-9]{2}[01][0-9][0-3][0-9]\.)([a-f0-9]{8,64})\.[a-z]+$")
WRITE_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO)


class FetchFault(InputFault):
    """The address is at fault. The message is one plain sentence for the submitter."""


class FetchUnavailable(Exception):
    """The other side does not answer just now; it may be tried again."""


@dataclass(frozen=True)
class Fetched:
    path: Path
    sha256: str
    size_bytes: int
    final_url: str


@dataclass(frozen=True)
class Limits:
    """What one download may take; `deadline` by the monotonic clock."""

    max_bytes: int
    deadline: float
    allow_private: bool


def check_url(url: str, *, allow_private: bool = False) -> SplitResult:
    """Check form, scheme and literal addresses, without any network. Raises: FetchFault."""
    if len(url) > MAX_ADDRESS:
        raise FetchFault(f"The address is longer than {MAX_ADDRESS} characters; give a shorter one.")
    return check_form(url, allow_private=allow_private)


def check_form(url: str, *, allow_private: bool) -> SplitResult:
    """Raises: FetchFault."""
    if (
        len(url) > MAX_REDIRECT_ADDRESS
        or not url.isascii()
        or any(c.isspace() or ord(c) < 32 or c == "\\" for c in url)
    ):
        raise FetchFault("The address holds characters that no web address has; copy it again.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise FetchFault("This is no web address; it looks like https://host/file.pth.") from error
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise FetchFault("Only https:// addresses are fetched.")
    if not host or parts.username is not None or parts.password is not None:
        raise FetchFault("The address needs a host, and no user name or password; it looks like https://host/file.pth.")
    if "[" in parts.netloc and ":" not in host:
        raise FetchFault("Between brackets stands an IPv6 address; it looks like https://host/file.pth.")
    if not allow_private:
        check_host(host)
        if port not in (None, 443):
            raise FetchFault("Only the standard port 443 is fetched from; leave the port out.")
    return parts


def check_address(address: hosts.Address) -> None:
    """Raises: FetchFault."""
    if not hosts.is_public(address):
        raise FetchFault("The address leads into a private network; only public hosts are fetched from.")


def check_host(host: str) -> None:
    """Raises: FetchFault for an address literal that is not public, or a name that only looks like one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not hosts.is_public_name(host):
            raise FetchFault(f"{host} is no public host name.") from None
    else:
        check_address(address)


def resolve(host: str, port: int, limits: Limits) -> list[str]:
    """Return the host's addresses. Raises: FetchFault where any is not public, FetchUnavailable without an answer."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchUnavailable(f"The host {host} could not be found just now; check the address.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not limits.allow_private:
        for address in addresses:
            check_address(ipaddress.ip_address(address.partition("%")[0]))
    return addresses


class PinnedConnection(http.client.HTTPConnection):
    """A connection to one checked address that speaks for the host's name, with TLS unless the scheme is http."""

    def __init__(self, parts: SplitResult, address: str, timeout: float) -> None:
        is_plain = parts.scheme == "http"
        super().__init__(parts.hostname or "", parts.port or (80 if is_plain else 443), timeout=timeout)
        self.address, self.context = address, None if is_plain else ssl.create_default_context()
        # `sock` is given up to a response that lasts until the connection's end.
        self.line: socket.socket | None = None

    def connect(self) -> None:
        self.line = self.sock = socket.create_connection((self.address, self.port), self.timeout)
        if self.context is not None:
            name = self.host.removesuffix(".")
            # The handshake comes after `self.line` is set, so that it can be cut too.
            self.sock = self.context.wrap_socket(self.sock, server_hostname=name, do_handshake_on_connect=False)
            self.line = self.sock
            self.sock.do_handshake()

    def cut(self) -> None:
        """End the connection from another thread; what waits for it wakes with an error or an end."""
        with contextlib.suppress(OSError):
            if self.line is not None:
                socket.socket.shutdown(self.line, socket.SHUT_RDWR)


def fetch(
    url: str,
    target: Path,
    *,
    sha256: str | None,
    max_bytes: int,
    timeout_seconds: float,
    allow_private: bool = False,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> Fetched:
    """Download `url` to `target`, put in place whole. What `on_progress` raises ends the download and goes through.

    Raises: FetchFault where the address or its file is at fault, FetchUnavailable where trying again may help.
    """
    limits = Limits(max_bytes, time.monotonic() + timeout_seconds, allow_private)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        with follow(url, limits) as (response, final_url), partial.open("wb") as file:
            digest, size = stream(response, file, limits, on_progress or (lambda done, total: None))
        check_digest(digest, sha256, url)
        partial.rename(target)
    except ssl.SSLCertVerificationError as error:
        raise FetchFault("The host's TLS certificate does not hold; use an address with a valid one.") from error
    except TimeoutError as error:
        raise FetchUnavailable("The address did not answer in time.") from error
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and (error.filename is not None or error.errno in WRITE_FAULTS):
            raise
        raise FetchUnavailable(f"The address did not answer: {type(error).__name__}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return Fetched(target, digest, size, final_url)


@contextlib.contextmanager
def follow(url: str, limits: Limits) -> Iterator[tuple[http.client.HTTPResponse, str]]:
    """Yield the response at the end of at most three redirects, with its address.

    Raises: FetchFault, FetchUnavailable.
    """
    parts = check_url(url, allow_private=limits.allow_private)
    for _ in range(MAX_REDIRECTS + 1):
        with contextlib.closing(connect(parts, limits)) as connection, deadline(connection, limits):
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            connection.request("GET", path, headers={"User-Agent": AGENT, "Accept-Encoding": "identity"})
            with connection.getresponse() as response:
                if response.status not in REDIRECTS:
                    check_response(response)
                    yield response, url
                    return
                url = urljoin(url, response.getheader("Location") or "")
        parts = check_form(url, allow_private=limits.allow_private)
    raise FetchFault(f"The address redirects more than {MAX_REDIRECTS} times; give the final one.")


@contextlib.contextmanager
def deadline(connection: PinnedConnection, limits: Limits) -> Iterator[None]:
    """Cut the connection when its time is up: one that trickles never lets a socket's own timeout run out."""
    timer = threading.Timer(max(0.0, limits.deadline - time.monotonic()), connection.cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def connect(parts: SplitResult, limits: Limits) -> PinnedConnection:
    default = 80 if parts.scheme == "http" else 443
    failure: OSError | None = None
    for address in resolve(parts.hostname or "", parts.port or default, limits):
        connection = PinnedConnection(parts, address, min(SOCKET_SECONDS, max(0.1, limits.deadline - time.monotonic())))
        try:
            with deadline(connection, limits):
                connection.connect()
        except ssl.SSLCertVerificationError:
            connection.close()
            raise
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise FetchUnavailable(f"The host {parts.hostname} did not answer.") from failure


def check_response(response: http.client.HTTPResponse) -> None:
    """Raises: FetchFault, FetchUnavailable."""
    status = f"{response.status} {http.client.responses.get(response.status, '')}".strip()
    if response.status in TEMPORARY or response.status >= 500:
        raise FetchUnavailable(f"The host answered {status}; it may work later.")
    if response.status != 200:
        raise FetchFault(f"The address answered {status}; open it in a browser that is not signed in and check.")
    if response.headers.get_content_type() == "text/html":
        raise FetchFault("The address leads to a web page, not to a file; give the address of the download itself.")
    if (response.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise FetchFault("The host sends the file compressed although it was asked not to; use another address.")


def stream(
    response: http.client.HTTPResponse, file: IO[bytes], limits: Limits, on_progress: Callable[[int, int | None], None]
) -> tuple[str, int]:
    """Write the body while hashing and counting; return digest and size. Raises: FetchFault, FetchUnavailable."""
    total, digest, size = response.length, hashlib.sha256(), 0
    if total is not None and total > limits.max_bytes:
        raise FetchFault(f"The file has {total:,} bytes, more than the {limits.max_bytes:,} that are taken.")
    minute, minute_size = time.monotonic(), 0
    on_progress(0, total)
    while block := response.read1(BLOCK_BYTES):
        size += len(block)
        if size > limits.max_bytes:
            raise FetchFault(f"The file is larger than the {limits.max_bytes:,} bytes that are taken.")
        digest.update(block)
        file.write(block)
        on_progress(size, total)
        now = check_deadline(limits)
        if now - minute > 60:
            if size - minute_size < MIN_BYTES_PER_MINUTE:
                raise FetchUnavailable("The download came too slowly and was given up.")
            minute, minute_size = now, size
    # A connection that was cut looks like one that came to its end.
    check_deadline(limits)
    if total is not None and size != total:
        raise FetchUnavailable(f"The download broke off after {size:,} of {total:,} bytes.")
    return digest.hexdigest(), size


def check_deadline(limits: Limits) -> float:
    """Return the monotonic time. Raises: FetchUnavailable where it is past the deadline."""
    now = time.monotonic()
    if now >= limits.deadline:
        raise FetchUnavailable("The download took longer than it may.")
    return now


def check_digest(digest: str, expected: str | None, url: str) -> None:
    """Raises: FetchFault where the file is not the declared one, or not the one its published name says."""
    if expected is not None and digest != expected.lower():
        raise FetchFault(f"The file's sha256 is {digest[:12]}…, you declared {expected[:12]}…; mend one of the two.")
    # Of the address as given: where a host redirects to, names are the host's own.
    named = HUB_NAME.search(PurePosixPath(urlsplit(url).path).name)
    if expected is None and named and not digest.startswith(named[1]):
        raise FetchFault(
            f"The file's sha256 is {digest[:12]}…, its name says {named[1][:12]}…; mend the address or give the sha256."
        )
