"""Pictures of boards for link previews: drawn by the engine after a change, and only then."""

import io

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image, ImageDraw

from evaluation import cards as drawing
from evaluation.engine.cards import HEIGHT, WIDTH, Fonts, cut, draw_card
from leaderboard.models import Benchmark, BoardFacts
from leaderboard.services.boards import cards
from leaderboard.services.boards.standings import refresh_benchmark
from tests.factories import make_benchmark, make_entry

ROW = {"rank": 1, "name": "Net", "score": "81.03", "verified": 81.03, "low": 80.0, "high": 82.0, "claimed": 91.7}


@pytest.fixture
def board(db: None) -> Benchmark:
    board = make_benchmark()
    make_entry(board, "First", claims={"top1": 80.0})
    refresh_benchmark(board)
    return board


def test_changed_boards_are_drawn_once(board: Benchmark) -> None:
    assert cards.draw_due() == 1
    assert cards.draw_due() == 0
    facts = BoardFacts.objects.get()
    answer = Client().get("/benchmarks/digits/card.png")
    assert answer["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (WIDTH, HEIGHT)
    page = Client().get("/benchmarks/digits/").content.decode()
    assert f"http://127.0.0.1:8000/benchmarks/digits/card.png?v={facts.card_version}" in page
    make_entry(board, "Second", claims={"top1": 81.0})
    refresh_benchmark(board)
    assert cards.draw_due() == 1
    assert not default_storage.exists(facts.card)


def test_boards_without_entries_or_an_engine_have_none(board: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    assert cards.draw_due() == 0
    assert Client().get("/benchmarks/digits/card.png").status_code == 404
    assert "og:image" not in Client().get("/benchmarks/digits/").content.decode()


def test_an_engine_that_fails_leaves_the_board_without(board: Benchmark) -> None:
    assert drawing.draw_card({"title": "no rows"}) is None


@pytest.mark.parametrize("font", ["", "/nowhere.woff2", str(cards.FONT)])
@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{**ROW, "is_below": True}],
        [
            {
                **ROW,
                "name": "深度网络" * 30,
                "is_below": False,
                "rank": None,
                "verified": None,
                "low": None,
                "high": None,
            }
        ],
    ],
)
def test_anything_can_be_drawn(rows: list[dict[str, object]], font: str) -> None:
    card = {"title": "A very long name " * 9, "note": "note", "counts": "1", "rows": rows, "font": font}
    with Image.open(io.BytesIO(draw_card(card))) as image:
        assert image.size == (WIDTH, HEIGHT)


def test_text_is_cut_to_its_room() -> None:
    pen = ImageDraw.Draw(Image.new("RGB", (10, 10)))
    fonts = Fonts("")
    short = cut(pen, fonts, "W" * 100, 20, 200)
    assert short.endswith("…")
    assert pen.textlength(short, font=fonts.get(20, short)) <= 200
