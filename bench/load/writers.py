"""Who writes: a burst of submissions, and uploads over slow lines. Threads, as each mostly waits."""

import http.client
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

TIMEOUT_SECONDS = 120
# Some 16 kB/s, a telephone on a bad day.
SLOW_PIECE_BYTES, SLOW_PAUSE_SECONDS = 4096, 0.25


@dataclass
class Tally:
    """Seconds and statuses of what was asked; status 0 where no answer came."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def time(self, ask: Callable[[], int]) -> None:
        begun = time.perf_counter()
        try:
            status = ask()
        except (OSError, http.client.HTTPException):
            status = 0
        with self.lock:
            self.seconds.append(time.perf_counter() - begun)
            self.statuses[status] += 1

    def percentile(self, share: int) -> float:
        """Return milliseconds."""
        return 1000 * statistics.quantiles(self.seconds, n=100, method="inclusive")[share - 1]

    @property
    def bad(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500 or status == 0)


@dataclass(frozen=True)
class Writer:
    """One account at the server of `port`."""

    port: int
    token: str
    benchmark: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Host": "127.0.0.1", "X-Forwarded-Proto": "https", "Authorization": f"Token {self.token}"}

    def ask(self, method: str, path: str, body: bytes | Iterable[bytes], headers: dict[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, self.headers | headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("Location", "")
        finally:
            connection.close()

    def submit(self, number: int) -> int:
        fields = {
            "benchmark": self.benchmark,
            "model": f"Burst {number}",
            "architecture": "torchvision/resnet18",
            "weights_url": f"https://example.org/burst-{number}.pth",
            "claims": {"top1": 70.0},
        }
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"burst-{number}"}
        return self.ask("POST", "/api/v1/submissions/", json.dumps(fields).encode(), headers)[0]

    def upload(self, size: int) -> int:
        """Begin an upload and send its only part slowly."""
        status, location = self.ask("POST", "/api/v1/uploads/", b"", {"Upload-Length": str(size)})
        if status != 201:
            return status
        headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0", "Content-Length": str(size)}
        path = "/" + location.split("/", 3)[-1] if "://" in location else location
        return self.ask("PATCH", path, drip(size), headers)[0]


def drip(size: int) -> Iterable[bytes]:
    for start in range(0, size, SLOW_PIECE_BYTES):
        time.sleep(SLOW_PAUSE_SECONDS)
        yield bytes(min(SLOW_PIECE_BYTES, size - start))


def burst(writers: list[Writer], count: int, at_once: int) -> Tally:
    """Send so many submissions, shared by the accounts."""
    tally = Tally()
    with ThreadPoolExecutor(at_once) as pool:
        for number in range(count):
            writer = writers[number % len(writers)]
            pool.submit(tally.time, lambda writer=writer, number=number: writer.submit(number))  # type: ignore[misc]
    return tally


def upload_slowly(writers: list[Writer], size: int) -> Tally:
    """Let each account upload a file over a slow line, all at once."""
    tally = Tally()
    with ThreadPoolExecutor(len(writers)) as pool:
        for writer in writers:
            pool.submit(tally.time, lambda writer=writer: writer.upload(size))  # type: ignore[misc]
    return tally
