"""A board narrowed by a name is read in the way that a sample of names calls the shorter, and says the same in both."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from leaderboard.models import Model
from leaderboard.queries import names
from leaderboard.queries.names import Sample, draw_sample, read_sample
from leaderboard.services.boards.standings import refresh_benchmark
from tests.factories import make_benchmark, make_entry

MILLION = 1_000_000


def make_sample(holding: int, models: int = MILLION) -> Sample:
    return Sample(("VIT-B/16",) * holding + ("RESNET-50",) * (names.SAMPLE - holding), models)


@pytest.mark.parametrize(
    ("holding", "entries", "expected"),
    [(0, MILLION, True), (2, MILLION, True), (10, MILLION, False), (250, MILLION, False), (0, 100, False)],
)
def test_a_text_is_rare_where_looking_up_its_names_is_the_shorter_way(
    holding: int, entries: int, expected: bool
) -> None:
    assert make_sample(holding).is_rare("vit", entries) is expected


@pytest.mark.django_db
@pytest.mark.usefixtures("need_postgresql")
def test_sample_is_drawn_once_and_counts_the_models_but_for_gaps() -> None:
    # Numbers of their own: those of tests before are never given out again.
    for number in (0, 1, 3, 4, 6, 7):
        Model.objects.create(pk=number + 1, slug=f"net-{number}", name=f"Net {number}")
    drawn = draw_sample()
    assert {name for name in drawn.names if name.startswith("NET")} == {
        f"NET {number}" for number in (0, 1, 3, 4, 6, 7)
    }
    assert drawn.models == Model.objects.count()
    with CaptureQueriesContext(connection) as asked:
        assert read_sample() is read_sample()
    assert len(asked) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["net 3", "NET", "%", "_", "\\", "’s", "none of these", "ﬁ", "straße"])
def test_both_ways_find_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    board, other = make_benchmark(), make_benchmark("other")
    odd = ("100 % net", "net_3", "back\\slash", "Dean’s net", "Straße")
    for number, name in enumerate([*(f"Net {number}" for number in range(60)), *odd]):
        entry = make_entry(board, name, claims={"top1": 50.0 + number / 10})
        make_entry(other, entry.model.name, claims={"top1": 1.0})
    refresh_benchmark(board)
    found = []
    for is_rare in (True, False):
        monkeypatch.setattr(Sample, "is_rare", lambda self, text, entries, is_rare=is_rare: is_rare)
        with CaptureQueriesContext(connection) as asked:
            rows, address = [], f"/api/v1/benchmarks/{board.slug}/leaderboard/"
            answer = Client().get(address, {"q": text, "page_size": 20, "turn": is_rare}).json()
            while answer["next"]:
                rows += answer["results"]
                answer = Client().get(answer["next"]).json()
        found.append([row["model"]["name"] for row in [*rows, *answer["results"]]])
        looked_up = any("ANY(ARRAY(" in one["sql"] for one in asked)
        assert looked_up == (is_rare and connection.vendor == "postgresql")
    assert found[0] == found[1]
    named = [entry.model.name.upper() for entry in board.entries.select_related("model")]
    assert len(found[0]) == sum(text.upper() in name for name in named)
