"""Download a weights file from a stranger's address, to a public host and nowhere else.

Standard library only. A name is resolved once; every address it has must be public, and the connection goes to just
the address that was checked, so that a name cannot change between check and use. Redirects are followed by hand and
checked the same way. No proxy from the environment is used.
"""

import contextlib
import hashlib
import http.client
import ipaddress
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import SplitResult, urljoin, urlsplit

from evaluation.contract import InputFault

MAX_REDIRECTS = 3
BLOCK_BYTES = 2**20
SOCKET_SECONDS = 20.0
# Slower than this over a whole minute is a connection kept open, not a download.
MIN_BYTES_PER_MINUTE = 60 * 1024
REDIRECTS = (301, 302, 303, 307, 308)
AGENT = "Veriboard-fetcher/1"
# torch.hub's convention: the name of a published file ends in the first digits of its sha256.
HUB_NAME = re.compile(r"-([a-f0-9]{8,64})$")
HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)


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
    if len(url) > 1000 or not url.isascii() or any(c.isspace() or ord(c) < 32 or c == "\\" for c in url):
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
    if not allow_private:
        check_host(host)
        if port not in (None, 443):
            raise FetchFault("Only the standard port 443 is fetched from; leave the port out.")
    return parts


def check_host(host: str) -> None:
    """Raises: FetchFault for an address literal that is not public, or a name that only looks like one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        # 127.1, 0x7f.1, 2130706433: what some resolvers read as numbers is no name.
        is_numeric = re.fullmatch(r"0x[0-9a-f]*|[0-9]+", labels[-1], re.IGNORECASE)
        if len(labels) < 2 or is_numeric or not all(HOST_LABEL.fullmatch(label) for label in labels):
            raise FetchFault(f"{host} is no public host name.") from None
        if labels[-1].lower() in (
            "localhost",
            "local",
            "internal",
            "lan",
            "home",
            "corp",
            "arpa",
            "test",
            "invalid",
            "onion",
        ):
            raise FetchFault(f"{host} is no public host name.") from None
    else:
        check_address(address)


def check_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Raises: FetchFault unless the address, and any IPv4 address inside it, is public."""
    inner: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        inner += [a for a in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if a is not None]
        if address in ipaddress.ip_network("64:ff9b::/96") or address in ipaddress.ip_network("64:ff9b:1::/48"):
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address in ipaddress.ip_network("::/96"):
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if not all(each.is_global and not each.is_multicast and not each.is_reserved for each in inner):
        raise FetchFault("The address leads into a private network; only public hosts are fetched from.")


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

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)
        if self.context is not None:
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)


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
        check_digest(digest, sha256, url, final_url)
        partial.rename(target)
    except (ssl.SSLCertVerificationError, ssl.SSLError) as error:
        raise FetchFault("The host's TLS certificate does not hold; use an address with a valid one.") from error
    except TimeoutError as error:
        raise FetchUnavailable("The address did not answer in time.") from error
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise FetchUnavailable(f"The address did not answer: {type(error).__name__}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return Fetched(target, digest, size, final_url)


@contextlib.contextmanager
def follow(url: str, limits: Limits) -> Iterator[tuple[http.client.HTTPResponse, str]]:
    """Yield the response at the end of at most three redirects, with its address. Raises: FetchFault, FetchUnavailable."""
    for _ in range(MAX_REDIRECTS + 1):
        parts = check_url(url, allow_private=limits.allow_private)
        with contextlib.closing(connect(parts, limits)) as connection:
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            connection.request("GET", path, headers={"User-Agent": AGENT, "Accept-Encoding": "identity"})
            response = connection.getresponse()
            if response.status not in REDIRECTS:
                check_response(response)
                yield response, url
                return
            url = urljoin(url, response.getheader("Location") or "")
    raise FetchFault(f"The address redirects more than {MAX_REDIRECTS} times; give the final one.")


def connect(parts: SplitResult, limits: Limits) -> PinnedConnection:
    default = 80 if parts.scheme == "http" else 443
    failure: OSError | None = None
    for address in resolve(parts.hostname or "", parts.port or default, limits):
        connection = PinnedConnection(parts, address, min(SOCKET_SECONDS, max(0.1, limits.deadline - time.monotonic())))
        try:
            connection.connect()
        except ssl.SSLError:
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
    if response.status in (429, 503) or response.status >= 500:
        raise FetchUnavailable(f"The host answered {response.status} ({response.reason}); it may work later.")
    if response.status != 200:
        raise FetchFault(
            f"The address answered {response.status} ({response.reason[:60]}); open it in a browser and check."
        )
    if response.headers.get_content_type() == "text/html":
        raise FetchFault("The address leads to a web page, not to a file; give the address of the download itself.")


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
        now = time.monotonic()
        if now > limits.deadline:
            raise FetchUnavailable("The download took longer than it may.")
        if now - minute > 60:
            if size - minute_size < MIN_BYTES_PER_MINUTE:
                raise FetchUnavailable("The download came too slowly and was given up.")
            minute, minute_size = now, size
    if total is not None and size != total:
        raise FetchUnavailable(f"The download broke off after {size:,} of {total:,} bytes.")
    return digest.hexdigest(), size


def check_digest(digest: str, expected: str | None, *urls: str) -> None:
    """Raises: FetchFault where the file is not the declared one, or not the one its published name says."""
    if expected is not None:
        if digest != expected.lower():
            raise FetchFault(
                f"The file's sha256 is {digest[:12]}…, you declared {expected[:12]}…; mend one of the two."
            )
        return
    for url in urls:
        named = HUB_NAME.search(PurePosixPath(urlsplit(url).path).stem)
        if named and not digest.startswith(named[1]):
            raise FetchFault(
                f"The file's sha256 is {digest[:12]}…, its name says {named[1][:12]}…; it is another file."
            )
