"""The benchmarks run."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest

from bench import peers, statistics


def test_statistics_are_timed_against_their_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "MODELS", 30)
    monkeypatch.setattr(statistics, "SAMPLES", 500)
    rows = statistics.measure()
    assert len(rows) == 5
    assert all(len(row) == len(statistics.HEAD) for row in rows)
    # The smallest board meets the largest board's targets.
    assert {row[-1] for row in rows} == {"yes"}


class Board(BaseHTTPRequestHandler):
    """A portal that shows two rows, or refuses; on pages, two on each of two."""

    protocol_version = "HTTP/1.1"
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        # An address that nobody may follow.
        link = "http://board.example/pages?cursor=2" if self.path == "/pages" else None
        rows = [{"team": "First", "score": 94.5}, {"team": "Second", "score": 12.0}]
        body = orjson.dumps({"count": 2, "next": link, "tasks": ["one"], "results": rows})
        if "html" in self.path:
            chart, row = b"<tr><td>2026</tr>" * 3, b"<tr class=best>\n<td>First<td>94.5</tr>"
            body = b"<tbody>%b</tbody><thead><tr></tr></thead><tbody>%b<tr></tr></tbody>" % (chart, row)
        if "csv" in self.path:
            body = b'rank,team,"next",score\r\n1,"First, of all",,94.5\r\n2,Second,,12.0\r\n'
        self.send_response(429 if "refuse" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        # Without a word of it, as some servers do.
        self.close_connection = "hang-up" in self.path

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def board() -> Iterator[str]:
    Board.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Board)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_portals_are_timed_in_turn_with_what_they_return(board: str) -> None:
    named = [("A", f"{board}/a"), ("B", f"{board}/b?turn={{n}}")]
    first, second = peers.measure(named, seconds=0.02, rounds=2, best=["First", "94.5"], connections=2)
    assert (first.rows, len(first.rates), len(second.rates)) == (2, 2, 2)
    assert min(first.rates + second.rates) > 0
    assert len(peers.describe(second, first)) == len(peers.HEAD)
    # Both are met, then A B A B; and no address that asks for a new answer is asked for twice.
    turns = [path[1] for path in Board.asked[2:]]
    assert "".join(each for place, each in enumerate(turns) if turns[place - 1 : place] != [each]) == "abab"
    fresh = [path for path in Board.asked if path.startswith("/b")]
    assert len(set(fresh)) == len(fresh)


@pytest.mark.parametrize(
    ("path", "best", "said"),
    [
        ("/refuse", "First", "answered 429"),
        ("/a", "Second", "does not show Second in the first"),
    ],
)
def test_an_answer_that_is_refused_or_wrong_is_not_timed(board: str, path: str, best: str, said: str) -> None:
    with pytest.raises(peers.AnswerRefused, match=said):
        peers.measure([("A", board + path)], seconds=0.02, rounds=1, best=[best])


def test_a_page_is_timed_with_the_rows_of_the_table_that_begins_with_the_best(board: str) -> None:
    (portal,) = peers.measure([("A", f"{board}/html")], seconds=0.02, rounds=1, best=["First", "94.5"])
    assert portal.rows == 2


def test_a_file_of_comma_separated_values_is_timed_without_its_head(board: str) -> None:
    (portal,) = peers.measure([("A", f"{board}/csv")], seconds=0.02, rounds=1, best=["First", "94.5"], is_whole=True)
    assert portal.rows == 2


def test_a_board_is_read_to_its_last_page_on_this_machine_alone(board: str) -> None:
    whole, once = (
        peers.measure([("A", f"{board}/pages")], seconds=0.02, rounds=1, is_whole=is_whole)[0]
        for is_whole in (True, False)
    )
    assert (whole.rows, once.rows) == (4, 2)
    assert whole.size_bytes > once.size_bytes
    assert "/pages?cursor=2" in Board.asked


def test_a_server_that_hangs_up_after_each_answer_is_asked_on(board: str) -> None:
    with closing(peers.Visitor(f"{board}/hang-up", itertools.count(), is_whole=False)) as visitor:
        assert [len(visitor.ask()) for _ in range(3)] == [1, 1, 1]


def test_no_other_machine_is_put_under_load() -> None:
    for url in ("http://board.example/", "http://127.0.0.1.board.example/", "http://127.0.0.1@board.example/"):
        with pytest.raises(peers.AnswerRefused, match="not on this machine"):
            peers.measure([("A", url)], seconds=0.02, rounds=1)
