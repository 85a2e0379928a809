"""The board as a reader uses it: narrowed, with chosen columns, with what is level with the leader marked."""

import datetime as dt
import html
import json

import pytest
from django.db.models import F
from django.template import engines
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import DjangoAssertNumQueries

from leaderboard import versions
from leaderboard.models import Benchmark, BenchmarkMetric, Entry, Paper, Protocol, Standing, Weights
from leaderboard.services.boards.standings import note_facts, refresh_benchmark
from leaderboard.views import opening
from leaderboard.views.table import EXPORTS, change
from tests.factories import make_benchmark, make_entry, make_metric, make_user
from tests.web.conftest import verify

pytestmark = pytest.mark.django_db
BOARD = "/benchmarks/digits/"
# As it comes, before it is compressed.
PAGE_BYTES = 100_000


@pytest.fixture
def board() -> Benchmark:
    """Three claims: a small old one, a large new one with extra data, and one of which nothing is known."""
    board = make_benchmark()
    facts = (("Small", 2, 2015, ""), ("Large", 90, 2021, "JFT-300M"))
    for name, millions, year, extra_data in facts:
        entry = make_entry(board, name, claims={"top1": 80.0})
        paper = Paper.objects.create(url=f"https://example.org/{name}", published_on=dt.date(year, 6, 1))
        model = entry.model
        model.parameters, model.multiply_adds, model.paper = millions * 10**6, millions * 10**8, paper
        model.save()
        Entry.objects.filter(pk=entry.pk).update(extra_data=extra_data)
    make_entry(board, "Unknown", claims={"top1": 70.0})
    refresh_benchmark(board)
    return board


def read(query: str) -> list[str]:
    answer = Client().get(f"/api/v1/benchmarks/digits/leaderboard/?{query}").json()
    return [row["model"]["name"] for row in answer["results"]]


@pytest.mark.parametrize("as_of", ["", "&as_of=2099-01-01"])
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("max_parameters=2000000", ["Small"]),
        ("max_multiply_adds=200000000", ["Small"]),
        ("max_multiply_adds=9000000000", ["Small", "Large"]),
        ("published_from=2015-06-02", ["Large"]),
        ("published_to=2015-06-01", ["Small"]),
        ("published_from=2015-06-01&published_to=2021-06-01", ["Small", "Large"]),
        ("extra_data=with", ["Large"]),
        ("extra_data=without", ["Small", "Unknown"]),
        ("extra_data=without&q=SMA&framework=pytorch", ["Small"]),
        ("framework=JAX", []),
        ("status=claimed&q=l", ["Small", "Large"]),
        ("status=verified", []),
        ("status=mismatch&max_parameters=2000000", []),
        *((f"q={sign}", []) for sign in ("%25", "_", "%5C", "%27", "%25s")),
    ],
)
def test_filters_leave_what_they_say_today_and_in_the_past(
    board: Benchmark, query: str, names: list[str], as_of: str
) -> None:
    assert read(query + as_of) == names


@pytest.mark.parametrize("query", ["extra_data=maybe", "published_from=yesterday", "max_multiply_adds=-1"])
def test_wrong_filters_are_named(board: Benchmark, query: str) -> None:
    answer = Client().get(f"{BOARD}?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.content.decode()


def test_extra_data_is_told_beside_the_model(board: Benchmark) -> None:
    assert "+JFT-300M" in Client().get(BOARD).content.decode()


def test_image_size_is_told_wherever_rows_of_a_model_stand(board: Benchmark) -> None:
    entries = [make_entry(board, "Net", claims={"top1": value}) for value in (81.0, 82.0)]
    for entry, side in zip(entries, (224, 288), strict=True):
        Entry.objects.filter(pk=entry.pk).update(preprocessing={"resize": 320, "crop": side})
    refresh_benchmark(board)
    compared = f"/compare/?a={entries[0].pk}&b={entries[1].pk}"
    for address in (BOARD, f"{BOARD}?as_of=2099-01-01", "/models/net/", compared):
        text = Client().get(address).content.decode()
        assert "224 px" in text, address
        assert "288 px" in text, address
    assert "224 px" in Client().get(entries[0].get_absolute_url()).content.decode()
    rows = Client().get("/api/v1/benchmarks/digits/leaderboard/?metric=top1").json()["results"]
    assert [row["image_size"] for row in rows[:2]] == [288, 224]
    assert rows[-1]["image_size"] is None
    lines = Client().get(f"{BOARD}export.csv").content.decode().splitlines()
    assert [line.rpartition(",")[2] for line in lines[:3]] == ["image_size", "288", "224"]


def test_columns_are_chosen_by_the_address(board: Benchmark) -> None:
    usual = Client().get(BOARD).content.decode()
    assert '<td class="links">' in usual
    assert 'class="number fact"' not in usual
    chosen = Client().get(f"{BOARD}?columns=parameters,nonsense").content.decode()
    assert '<td class="links">' not in chosen
    assert '<td class="number fact">90 M</td>' in chosen
    assert 'name="columns" value="parameters,nonsense"' in chosen
    # Each toggle leads to this choice with one column more or less.
    assert 'href="?columns=strip%2Cparameters"' in chosen
    assert 'href="?columns="' in chosen


def test_columns_that_no_row_of_the_whole_board_fills_are_not_offered() -> None:
    board = make_benchmark()
    make_entry(board, "Bare", claims={"top1": 80.0})
    Weights.objects.update(url="", sha256="a" * 64)
    Benchmark.objects.update(is_open=False)
    refresh_benchmark(board)
    for query in ("", "?columns=verdict,links,date"):
        page = Client().get(f"{BOARD}{query}").content.decode()
        assert 'class="verdict"' in page
        assert 'class="links"' not in page
        assert 'class="date"' not in page
        assert ">Links<" not in page
    make_entry(board, "Linked", claims={"top1": 70.0})
    refresh_benchmark(board)
    # Of the whole board, whatever this page's rows are.
    page = Client().get(f"{BOARD}?q=bare").content.decode()
    assert page.count('<td class="links">') == 1
    assert ">Links<" in page


def test_a_size_that_is_not_on_the_list_stays_chosen(board: Benchmark) -> None:
    page = Client().get(f"{BOARD}?max_parameters=3000000").content.decode()
    assert '<option value="3000000" selected>≤ 3 M</option>' in page


def test_rows_level_with_the_leader_are_marked() -> None:
    board, owner = make_benchmark(), make_user()
    for name, top1 in (("Best", 81.0), ("Level", 80.8), ("Behind", 60.0)):
        verify(board, owner, name, top1, claims={})
    page = Client().get(BOARD).content.decode()
    assert page.count('class="verified level"') == 1
    row = page.partition('class="verified level"')[2].partition("</tr>")[0]
    assert "Level" in row
    assert "cannot be told apart from the leader" in row


@pytest.mark.parametrize("name", ["", "lin"])
def test_first_reader_of_a_new_version_costs_eight_queries(
    board: Benchmark,
    name: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # However slow the machine is.
    monkeypatch.setattr(versions, "KEPT_SECONDS", 60)
    client = Client()
    if name:
        client.force_login(make_user(name))
    with django_assert_max_num_queries(8):
        assert client.get(f"{BOARD}?framework=PyTorch").status_code == 200
    # The next one finds what all pages share and reads the rows in two; signed in, session, account and version too.
    with django_assert_max_num_queries(5 if name else 2):
        assert client.get(f"{BOARD}?status=claimed").status_code == 200


def test_first_reader_after_a_publication_reads_no_names_again(
    board: Benchmark, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    assert read("") == ["Small", "Large", "Unknown"]
    note_facts(board)
    # The version, the facts, and the rows in two.
    with django_assert_max_num_queries(4):
        assert read("status=claimed") == ["Small", "Large", "Unknown"]


def test_what_stands_above_the_table_is_made_once_for_a_version(
    board: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def render(name: str, context: dict[str, object] | None = None) -> str:
        drawn.append(name)
        return render_to_string(name, context)

    monkeypatch.setattr(opening, "render_to_string", render)
    pages = [Client().get(f"{BOARD}?{query}").content.decode() for query in ("", "status=claimed", "chart=unknown")]
    assert [drawn.count(f"leaderboard/{name}.html") for name in ("previews", "masthead", "chart_key")] == [1, 1, 1]
    assert all("<dd>3</dd>" in page and 'class="dots"' in page for page in pages)
    chinese = Client(headers={"Accept-Language": "zh-hans"}).get(BOARD).content.decode()
    assert "条目" in chinese
    assert "entries" not in chinese.partition('class="counts"')[2].partition("</dl>")[0]
    make_entry(board, "Another", claims={"top1": 60.0})
    refresh_benchmark(board)
    assert "<dd>4</dd>" in Client().get(BOARD).content.decode()


def test_metric_that_a_board_is_given_shows_at_once(board: Benchmark) -> None:
    assert "mAP" not in Client().get(BOARD).content.decode()
    BenchmarkMetric.objects.create(benchmark=board, metric=make_metric("map", label="mAP"), position=2)
    assert "mAP" in Client().get(BOARD).content.decode()


@pytest.mark.parametrize(
    "query", ["", "cursor=x", "metric=top5", "q=%C3%A9+%26b&cursor=x", "a=1&metric=top5&a=2&metric=top1"]
)
def test_links_change_the_address_as_django_does(query: str) -> None:
    request = RequestFactory().get(f"/?{query}")
    several: list[dict[str, str | None]] = [{"cursor": None}, {"metric": "top 5", "cursor": None}, {"columns": "a,b"}]
    for changes in several:
        written = " ".join(f"{name}={value and repr(value)}" for name, value in changes.items())
        theirs = engines["django"].from_string(f"{{% querystring {written} %}}").render({}, request)
        assert change(dict(request.GET.lists()), **changes) == html.unescape(theirs)


def test_names_around_a_board_change_with_what_they_name(board: Benchmark) -> None:
    assert "Handwritten digits" not in Client().get(BOARD).content.decode()
    dataset = board.split.dataset
    dataset.name = "Handwritten digits"
    dataset.save()
    assert "Handwritten digits" in Client().get(BOARD).content.decode()


def test_other_protocols_of_the_dataset_are_a_switch(board: Benchmark) -> None:
    assert "Other protocols" not in Client().get(BOARD).content.decode()
    other = Protocol.objects.create(slug="ten-crop", name_en="ten crops")
    Benchmark.objects.create(slug="digits-ten", task=board.task, split=board.split, protocol=other)
    page = Client().get(BOARD).content.decode()
    assert '<a href="/benchmarks/digits-ten/">ten crops</a>' in page


def fill(board: Benchmark, count: int) -> None:
    """Make a board of entries with all that a row can have, in names as long as usual, every other one verified."""
    for number in range(count):
        top1 = 60 + 35 * number * 0.618034 % 35
        entry = make_entry(board, f"EfficientNetV2-Large {number}", claims={"top1": top1, "top5": top1 + 3})
        day = dt.date(2012, 1, 1) + dt.timedelta(days=number * 37 % 4000)
        entry.model.paper = Paper.objects.create(
            url=f"https://arxiv.org/abs/{2000 + number}", title=f"A study of nets, part {number}", published_on=day
        )
        entry.model.parameters, entry.model.multiply_adds = 10**6 + number * 7919 % 10**8, 10**8 + number
        entry.model.save()
        entry.code_urls = [{"url": f"https://github.com/example/nets-{number}", "label": "PyTorch"}]
        entry.save()
    refresh_benchmark(board)
    half = list(board.entries.order_by("model__paper__published_on").values_list("pk", flat=True))[::2]
    standings = Standing.objects.filter(entry__in=half)
    standings.update(verified=F("claimed") - 0.04, low=F("claimed") - 1, high=F("claimed") + 1, rank=1)
    board.entries.filter(pk__in=half).update(status="verified", verdict="match", verified_at=timezone.now())
    note_facts(board)


def test_page_of_a_full_board_is_light() -> None:
    board = make_benchmark()
    fill(board, 300)
    page = Client().get(BOARD)
    text = page.content.decode()
    assert text.count("<tr id=") == 50
    assert text.count("<svg viewBox") == 2
    assert text.count('<use href="#full"') > 20
    assert len(page.content) < PAGE_BYTES


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_point_is_named_and_leads_to_its_model(board: Benchmark, live_portal: str, page: Page) -> None:
    page.goto(live_portal + BOARD)
    name = page.locator(".dots text", has_text="Large")
    expect(name.first).to_be_hidden()
    page.locator(".dots a", has_text="Large").first.locator("use").hover()
    expect(name.first).to_be_visible()
    page.locator(".dots a", has_text="Large").first.locator("use").click()
    page.wait_for_url("**/models/large/")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_keyboard_walks_the_rows(board: Benchmark, live_portal: str, page: Page) -> None:
    page.goto(live_portal + BOARD)
    for key in ("j", "j", "ArrowUp", "k"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.textContent") == "Small"
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/large/")
    # The model's page is all there is: it does not stand in the board's.
    expect(page.locator("h1")).to_have_count(1)
    expect(page.locator("h1")).to_contain_text("Large")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_filtering_moves_nothing_but_the_rows(board: Benchmark, live_portal: str, page: Page) -> None:
    page.goto(live_portal + BOARD)
    before = page.locator(".board thead").bounding_box()
    page.select_option("[name=max_parameters]", "5000000")
    page.wait_for_url("**max_parameters=5000000**")
    page.wait_for_function("document.querySelectorAll('.board tbody tr').length === 1")
    after = page.locator(".board thead").bounding_box()
    assert before
    assert after
    assert (before["x"], before["y"], before["height"]) == (after["x"], after["y"], after["height"])
    page.locator("summary", has_text="Columns").click()
    page.get_by_role("link", name="Links shown").click()
    page.wait_for_url("**columns=**")
    assert page.locator("td.links").count() == 0


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    """A board of five entries where a file holds two."""
    monkeypatch.setattr("leaderboard.services.boards.exports.MOST_ROWS", 2)
    board = make_benchmark()
    for number in range(5):
        entry = make_entry(board, f"Net {number}", claims={"top1": 90.0 - number})
        entry.model.paper = Paper.objects.create(url=f"https://example.org/{number}", title=f"Net {number}")
        entry.model.save()
    refresh_benchmark(board)
    return board


@pytest.mark.parametrize("format", EXPORTS)
def test_cut_download_says_so_and_where_the_rest_is(client: Client, many: Benchmark, format: str) -> None:
    address: str | None = f"/benchmarks/{many.slug}/export.{format}?status=claimed"
    names, parts = [], []
    while address:
        answer = client.get(address)
        text = answer.content.decode()
        names.append([name for name in ("Net 0", "Net 1", "Net 2", "Net 3", "Net 4") if name in text])
        following = answer.get("Link", "")
        if following and format != "csv":
            assert "cursor=" in text
        assert ("These are not all rows" in text) == bool(following and format not in ("csv", "json"))
        parts.append(".part." in answer["Content-Disposition"])
        address = following.removeprefix("<").removesuffix('>; rel="next"') or None
    assert names == [["Net 0", "Net 1"], ["Net 2", "Net 3"], ["Net 4"]]
    assert parts == [True] * 3


def test_whole_download_says_nothing_of_a_rest(client: Client, many: Benchmark) -> None:
    answer = client.get(f"/benchmarks/{many.slug}/export.json?q=Net 3")
    assert json.loads(answer.content)["next"] is None
    assert "Link" not in answer
    assert answer["Content-Disposition"].endswith(f'"{many.slug}.json"')


def test_page_tells_where_a_file_ends(client: Client, many: Benchmark) -> None:
    page = client.get(many.get_absolute_url()).content.decode()
    assert "A file has at most 2 rows and says where the next are" in page
