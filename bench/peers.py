"""Time the answers of several portals on this machine in turn, A B C A B C …: `python -m bench.peers NAME=URL …`.

`{n}` in an address becomes another number with each request, so that no cache knows it. docs/performance.md says how
other portals were set up for it. The client is Python too: from some two thousand requests/s on it is what is measured.
"""

import argparse
import csv
import io
import itertools
import re
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import orjson

from bench.machine import describe_machine
from demo.words import draw_table, say

HEAD = ("portal", "a second", "÷ first", "rows", "bytes", "rows/s")
LOOPBACK = "127.0.0.1"
# An answer with all rows of a large board may take a minute.
PATIENCE_SECONDS = 300


class AnswerRefused(Exception):
    """An answer that must not be counted. The message says why."""


@dataclass(frozen=True)
class Portal:
    """An address under a name, and what was found out about its answers."""

    name: str
    url: str
    rows: int
    size_bytes: int
    rates: list[float] = field(default_factory=list)


class Visitor:
    """One connection, kept as long as the server keeps it. With `is_whole` it reads on to the board's last page."""

    def __init__(self, url: str, numbers: Iterator[int], is_whole: bool) -> None:
        """Raises: AnswerRefused."""
        address = urlsplit(url)
        if address.hostname != LOOPBACK:
            raise AnswerRefused(f"{url} is not on this machine, and only this machine is put under load.")
        self.path = read_path(url)
        self.numbers = numbers
        self.is_whole = is_whole
        self.connection = HTTPConnection(address.hostname, address.port or 80, timeout=PATIENCE_SECONDS)

    def ask(self) -> list[bytes]:
        """Return the answer, or those of all pages. Raises: AnswerRefused."""
        bodies = [self.get(self.path.replace("{n}", str(next(self.numbers))))]
        # Of the next page's address the path alone is used: nothing leads to another machine.
        # What names no next page is not read: that is the client's work, not the portal's.
        while self.is_whole and b'"next"' in bodies[-1] and (url := read_answer(bodies[-1]).get("next")):
            bodies.append(self.get(read_path(url)))
        return bodies

    def get(self, path: str) -> bytes:
        try:
            status, body = self.fetch(path)
        except (OSError, HTTPException) as error:
            raise AnswerRefused(f"{path} was not answered: {error!r}") from error
        # A refusal is quick and would pass for speed.
        if status != 200:
            raise AnswerRefused(f"{path} answered {status}.")
        return body

    def fetch(self, path: str) -> tuple[int, bytes]:
        is_kept = self.connection.sock is not None
        try:
            self.connection.request("GET", path, headers={"Accept": "application/json"})
            answer = self.connection.getresponse()
        except ConnectionError:
            # Some servers hang up after each answer without saying so: it shows only now, and nothing was asked yet.
            self.connection.close()
            if not is_kept:
                raise
            return self.fetch(path)
        return answer.status, answer.read()

    def ask_until(self, deadline: float) -> int:
        """Return how many answers came, at least one; the last is awaited, so that slow portals are counted fairly."""
        count = 0
        while not count or time.perf_counter() < deadline:
            self.ask()
            count += 1
        return count

    def close(self) -> None:
        self.connection.close()


def read_path(url: str) -> str:
    address = urlsplit(url)
    return address.path + (f"?{address.query}" if address.query else "")


def read_answer(body: bytes) -> dict[str, Any]:
    """Return a JSON object, the tables of a page by their number, or the rows of CSV. Raises: AnswerRefused."""
    if body.lstrip().startswith(b"<"):
        tables = re.findall(r"<tbody\b.*?</tbody>", body.decode(), re.S)
        return {str(number): re.findall(r"<tr\b.*?</tr>", table, re.S) for number, table in enumerate(tables)}
    if not body.lstrip().startswith((b"{", b"[")):
        return {"rows": list(csv.reader(io.StringIO(body.decode())))[1:]}
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise AnswerRefused(f"An answer is not whole: {error}") from error
    return answer if isinstance(answer, dict) else {}


def find_rows(answer: dict[str, Any], best: Sequence[str]) -> str:
    """Return under which name the rows are: the longest list whose first one holds these texts; "" for none."""
    firsts = {name: orjson.dumps(rows[0]).decode() for name, rows in answer.items() if isinstance(rows, list) and rows}
    found = [name for name, first in firsts.items() if all(text in first for text in best)]
    return max(found, key=lambda name: len(answer[name]), default="")


def meet(name: str, url: str, best: Sequence[str], numbers: Iterator[int], is_whole: bool) -> Portal:
    """Return the portal once its answer shows the best row first. Raises: AnswerRefused."""
    with closing(Visitor(url, numbers, is_whole)) as visitor:
        bodies = visitor.ask()
    rows = find_rows(read_answer(bodies[0]), best)
    if not rows:
        raise AnswerRefused(f"{name} has no rows, or does not show {' and '.join(best)} in the first.")
    # One by one: as objects a board of a million takes gigabytes.
    return Portal(name, url, sum(len(read_answer(body)[rows]) for body in bodies), sum(map(len, bodies)))


def time_requests(url: str, seconds: float, connections: int, numbers: Iterator[int], is_whole: bool) -> float:
    """Return the requests/s of one short run."""
    with ExitStack() as stack, ThreadPoolExecutor(connections) as pool:
        visitors = [stack.enter_context(closing(Visitor(url, numbers, is_whole))) for _ in range(connections)]
        started = time.perf_counter()
        counts = list(pool.map(Visitor.ask_until, visitors, itertools.repeat(started + seconds)))
        return sum(counts) / (time.perf_counter() - started)


def measure(
    named: Sequence[tuple[str, str]],
    *,
    seconds: float,
    rounds: int,
    best: Sequence[str] = (),
    connections: int = 1,
    is_whole: bool = False,
) -> list[Portal]:
    """Return the portals with a rate a round. Raises: AnswerRefused."""
    # A start of its own, as a portal that was measured before may have kept the lower numbers.
    numbers = itertools.count(time.time_ns() // 1000)
    portals = [meet(name, url, best, numbers, is_whole) for name, url in named]
    for _ in range(rounds):
        for portal in portals:
            portal.rates.append(time_requests(portal.url, seconds, connections, numbers, is_whole))
    return portals


def describe(portal: Portal, first: Portal) -> tuple[str, ...]:
    rate, reference = statistics.median(portal.rates), statistics.median(first.rates)
    spread = f"{rate:,.2f} ({min(portal.rates):,.2f}–{max(portal.rates):,.2f})"
    ratio = f"{rate / reference:,.2f}"
    return portal.name, spread, ratio, f"{portal.rows:,}", f"{portal.size_bytes:,}", f"{rate * portal.rows:,.0f}"


def read_pair(text: str) -> tuple[str, str]:
    # A name may hold "page_size=500".
    name, found, rest = text.partition("=http://")
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=http://…")
    return name, f"http://{rest}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Time portals on this machine in turn.")
    parser.add_argument("portals", nargs="+", type=read_pair, metavar="NAME=URL")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--best", action="append", default=[], help="a text that each first row has to hold")
    parser.add_argument("--connections", type=int, default=1, help="so many at once")
    parser.add_argument(
        "--whole", action="store_true", dest="is_whole", help="read on to the last page and count it as one"
    )
    asked = vars(parser.parse_args())
    named = asked.pop("portals")
    try:
        portals = measure(named, **asked)
    except AnswerRefused as refused:
        sys.exit(str(refused))
    say(describe_machine("django", "gunicorn"))
    say("{rounds} rounds of {seconds:g} s in turn, connections: {connections}; median (least–most)\n".format(**asked))
    say(draw_table(HEAD, [describe(portal, portals[0]) for portal in portals]))


if __name__ == "__main__":
    main()
