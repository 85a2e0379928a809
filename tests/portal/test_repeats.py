"""Repeated reads of a board: unchanged is said from the request alone, and nothing old is told for long."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from django.conf import settings
from django.contrib.messages import INFO
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client

from leaderboard import versions
from leaderboard.models import Benchmark, Claim, Entry, Paper
from leaderboard.services.boards.standings import refresh_benchmark, refresh_entry
from portal import repeats
from portal.repeats import RepeatMiddleware, find_release
from tests.factories import make_benchmark, make_entry, make_metric, make_user

pytestmark = pytest.mark.django_db
REMEMBERED_SECONDS = versions.KEPT_SECONDS
VISITORS: list[Client] = []
PAGE, API = "/benchmarks/digits/", "/api/v1/benchmarks/digits/leaderboard/"


@pytest.fixture
def board() -> Benchmark:
    board = make_benchmark()
    make_entry(board, "First", claims={"top1": 80.0})
    refresh_benchmark(board)
    return board


def add(board: Benchmark, name: str) -> None:
    refresh_entry(make_entry(board, name, claims={"top1": 90.0}))


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the requests of a test meet one application, as they do in one process, however slow the machine is."""
    monkeypatch.setattr(versions, "KEPT_SECONDS", 60)
    # All tags are new every ten minutes by the clock, in the middle of a test too.
    monkeypatch.setattr(repeats, "KEPT_SECONDS", 10**10)
    VISITORS.append(Client())
    yield
    VISITORS.clear()


def ask(
    address: str, etag: str = "", client: Client | None = None, header: tuple[str, str] | None = None
) -> tuple[int, str, str]:
    """Return status, ETag and text."""
    client = client or VISITORS[0]
    headers = ([("if-none-match", etag)] if etag else []) + ([header] if header else [])
    answer = client.get(address, headers=dict(headers))
    return answer.status_code, answer.get("ETag", ""), answer.content.decode()


@pytest.mark.parametrize("address", [PAGE, API])
def test_unchanged_is_said_without_looking_into_the_board(
    board: Benchmark, address: str, django_assert_num_queries: Callable[..., object]
) -> None:
    _status, etag, text = ask(address)
    assert etag
    assert "First" in text
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        status, again, text = ask(address, etag)
    assert (status, again, text) == (304, etag, "")


@pytest.mark.parametrize("address", [PAGE, API])
def test_what_was_answered_is_repeated_to_everybody_without_a_query(
    board: Benchmark, address: str, django_assert_num_queries: Callable[..., object]
) -> None:
    first = VISITORS[0].get(address)
    cache.clear()
    VISITORS[0].cookies["csrftoken"] = "a" * 32
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        again = VISITORS[0].get(address, headers={"accept-language": "en;q=0.9"})
    assert (again.content, dict(again.items())) == (first.content, dict(first.items()))


@pytest.mark.parametrize("is_signed_in", [False, True])
@pytest.mark.parametrize("address", [PAGE, API, "/api/v1/tasks/", "/api/v1/benchmarks/digits/"])
def test_head_is_answered_as_get_is_in_all_but_the_body(board: Benchmark, address: str, is_signed_in: bool) -> None:
    client = Client()
    if is_signed_in:
        client.force_login(make_user("wei"))
    # First, so that it is seen to keep no empty body for those who get.
    head, answer = client.head(address), client.get(address)
    assert answer.content
    assert not head.content
    assert head["Content-Length"] == answer["Content-Length"]
    assert head.get("ETag") == answer.get("ETag")
    # What is somebody's own page holds tokens, and has no tag.
    assert ("ETag" in head) == (address != PAGE or not is_signed_in)
    if "ETag" in head:
        again = [ask(address, headers={"if-none-match": head["ETag"]}) for ask in (client.head, client.get)]
        assert [(each.status_code, each["ETag"]) for each in again] == [(304, head["ETag"])] * 2


@pytest.mark.parametrize("address", [PAGE, API])
def test_a_new_row_is_told_at_once(board: Benchmark, address: str) -> None:
    _status, etag, _text = ask(address)
    add(board, "Second")
    status, other, text = ask(address, etag)
    assert status == 200
    assert other != etag
    assert "Second" in text


@pytest.mark.parametrize("address", [PAGE, API])
def test_what_is_written_past_the_services_is_told_too(board: Benchmark, address: str) -> None:
    _status, etag, _text = ask(address)
    Claim.objects.create(entry=Entry.objects.get(), metric=make_metric(), value=88.125, source="a shell")
    status, _etag, text = ask(address, etag)
    assert status == 200
    assert "88.125" in text


def test_what_another_process_writes_shows_after_half_a_second(
    board: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(API)
    version = versions.read_version("digits")
    assert version
    add(board, "Second")
    # This process has forgotten; one that did not write remembers for a while.
    monkeypatch.setitem(versions._known, "digits", (time.monotonic() + 60, version))
    assert "Second" not in ask(API)[2]
    monkeypatch.setitem(versions._known, "digits", (time.monotonic(), version))
    assert "Second" in ask(API)[2]


def test_versions_are_remembered_for_half_a_second_at_most() -> None:
    assert REMEMBERED_SECONDS <= 0.5


def test_each_address_language_and_kind_has_its_own_tag(board: Benchmark) -> None:
    _status, etag, _text = ask(PAGE)
    assert ask(f"{PAGE}?q=first", etag)[0] == 200
    assert ask(PAGE, etag, header=("accept-language", "zh-hans"))[0] == 200
    assert ask(PAGE, etag, header=("hx-request", "true"))[0] == 200


def test_who_is_signed_in_is_never_told_what_others_see(board: Benchmark) -> None:
    _status, etag, _text = ask(PAGE)
    client = Client()
    client.force_login(make_user("wei", is_staff=True))
    status, own, text = ask(PAGE, etag, client)
    assert status == 200
    assert "Moderation" in text
    assert not own
    assert "Moderation" not in ask(PAGE)[2]


def test_who_is_told_something_is_told_it_once(board: Benchmark) -> None:
    client = Client()
    messages, before = CookieStorage(HttpRequest()), HttpResponse()
    messages.add(INFO, "Signed out.")
    messages.update(before)
    client.cookies["messages"] = before.cookies["messages"].value
    told = ask(PAGE, client=client)
    assert "Signed out." in told[2]
    assert told[1] == ""
    assert "Signed out." not in ask(PAGE)[2]


def test_a_page_carries_nobodys_token_and_sets_no_cookie(board: Benchmark) -> None:
    answer = Client().get(PAGE)
    assert "csrfmiddlewaretoken" not in answer.content.decode()
    assert not answer.cookies


@pytest.mark.parametrize(
    ("origin", "status"), [("http://testserver", 302), ("https://elsewhere.example", 403), ("null", 403), ("", 403)]
)
def test_language_is_chosen_on_our_own_pages_alone(board: Benchmark, origin: str, status: int) -> None:
    client = Client(enforce_csrf_checks=True)
    headers = {"origin": origin} if origin else {}
    answer = client.post("/i18n/setlang/", {"language": "zh-hans", "next": PAGE}, headers=headers)
    assert answer.status_code == status
    assert ('<html lang="zh-Hans">' in client.get(PAGE).content.decode()) == (status == 302)


def test_errors_and_unknown_boards_are_not_kept(board: Benchmark) -> None:
    assert ask(f"{PAGE}?status=nonsense")[:2] == (400, "")
    assert ask("/benchmarks/nothing/")[0] == 404
    assert ask("/api/v1/benchmarks/nothing/leaderboard/")[0] == 404
    assert Client().post(PAGE).status_code == 405


def test_a_paper_that_changes_changes_the_tag(board: Benchmark) -> None:
    model = Entry.objects.get().model
    model.paper = Paper.objects.create(url="https://example.org/paper", title="Before")
    model.save()
    _status, etag, _text = ask(PAGE)
    model.paper.title = "After"
    model.paper.save()
    status, _etag, text = ask(PAGE, etag)
    assert status == 200
    assert 'title="After"' in text


def test_release_is_the_same_for_each_process_and_another_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    (tmp_path / "templates").mkdir()
    page = tmp_path / "templates" / "page.html"
    page.write_text("one")
    before = find_release()
    (tmp_path / "templates" / "page.cpython-311.pyc").write_text("compiled meanwhile")
    assert find_release() == before
    page.write_text("another")
    assert find_release() != before


@pytest.mark.parametrize(("is_own", "count"), [(False, 1), (True, 8)])
def test_of_many_who_ask_at_once_one_makes_what_is_nobodys_own(is_own: bool, count: int) -> None:
    """Else a board that has just changed is made once by each of its readers."""
    middleware = RepeatMiddleware(lambda request: HttpResponse())
    begun, asked, made = threading.Event(), threading.Semaphore(0), threading.Semaphore(0)

    def make() -> HttpResponseBase:
        made.release()
        if not begun.is_set():
            begun.set()
            for _ in range(7):
                asked.acquire()
        answer = HttpResponse("the board")
        if is_own:
            answer.set_cookie("own", "somebody's")
        return middleware.keep("name", answer, {})

    def ask_at_once() -> bytes:
        begun.wait()
        asked.release()
        return cast(HttpResponse, middleware.make_once("name", make)).content

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(middleware.make_once, "name", make)
        rest = [pool.submit(ask_at_once) for _ in range(7)]
        assert {each.result() for each in rest} == {cast(HttpResponse, first.result()).content} == {b"the board"}
    assert sum(made.acquire(blocking=False) for _ in range(9)) == count
    assert middleware.making == {}
