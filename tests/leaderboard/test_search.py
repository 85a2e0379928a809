"""Search: all words, in both languages; with slips where PostgreSQL can find them."""

import pytest
from django.test import Client

from leaderboard.models import Benchmark, Model, Paper, Task
from leaderboard.queries import search
from tests.factories import make_benchmark

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def catalogue() -> Benchmark:
    for name in ("DenseNet-121", "DenseNet-169", "Inception-v3", "ResNet-50"):
        Model.objects.create(slug=name.lower(), name=name)
    Paper.objects.create(
        url="https://example.org/1", title="Densely Connected Convolutional Networks", authors="Gao Huang, Zhuang Liu"
    )
    Paper.objects.create(url="https://example.org/2", title="Deep Residual Learning", authors="Kaiming He")
    board = make_benchmark("digits")
    Task.objects.filter(pk=board.task_id).update(name_zh_hans="图像分类")
    return board


def find(text: str) -> list[tuple[str, bool]]:
    return [(page.name, page.is_near) for page in search(text)]


def test_all_words_are_needed_in_any_order() -> None:
    assert [name for name, is_near in find("121 dense") if not is_near] == ["DenseNet-121"]
    assert find("kaiming")[0] == ("Deep Residual Learning", False)
    assert find("zhuang connected")[0] == ("Densely Connected Convolutional Networks", False)


def test_tasks_and_their_boards_are_found_in_both_languages() -> None:
    assert [page.kind for page in search("图像")] == ["task", "benchmark"]
    assert [page.kind for page in search("image classif")][:2] == ["task", "benchmark"]


def test_nothing_is_found_of_nothing() -> None:
    assert search("   ") == []
    assert find("zzzzqqq") == []


@pytest.mark.usefixtures("need_postgresql")
@pytest.mark.parametrize(
    ("slip", "meant"),
    [("incepton", "Inception-v3"), ("resnt", "ResNet-50"), ("densnet", "DenseNet-1"), ("Residal Lerning", "Deep R")],
)
def test_slips_find_what_was_meant(slip: str, meant: str) -> None:
    found = find(slip)
    assert found
    assert found[0][0].startswith(meant)
    assert found[0][1]
    assert "Nothing is spelt so. Nearly so:" in Client().get("/search/", {"q": slip}).content.decode()


@pytest.mark.usefixtures("need_postgresql")
def test_authors_are_found_by_a_slip() -> None:
    assert ("Deep Residual Learning", True) in find("Kaimng He")


@pytest.mark.usefixtures("need_postgresql")
def test_what_is_spelt_right_comes_first_and_once() -> None:
    found = find("DenseNet-121")
    assert found[0] == ("DenseNet-121", False)
    assert len({name for name, _is_near in found}) == len(found)


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "a" * 200, "🙂", "or 1=1 --", " ".join("abcdefghij")])
def test_odd_words_are_searched_like_any_other(text: str) -> None:
    assert Client().get("/search/", {"q": text}).status_code == 200
