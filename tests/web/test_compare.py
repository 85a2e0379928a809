"""Comparing two or more entries: each pair tested, class by class, and the samples on which they part."""

import dataclasses
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from evaluation.paired import pack
from leaderboard.models import Benchmark, Entry
from leaderboard.queries.comparison import adjust, list_places
from leaderboard.services.running import runs
from tests.factories import NOW, claim_run, make_report, make_submission, make_user
from tests.small import CLASSES, write_images
from tests.web.conftest import enqueue

SAMPLES = 4 * CLASSES


def publish(benchmark: Benchmark, name: str, right: set[int], accuracy: float) -> Entry:
    """Publish a result that is right on these samples, and by class as given."""
    owner = make_user(name.lower())
    submission = make_submission(benchmark, owner, model_name=name, weights_url=f"https://example.org/{name}.pth")
    run = claim_run(enqueue(submission, owner))
    assert run.token is not None
    classes = [{"name": "class-0", "correct": 1, "total": 4, "accuracy": accuracy}]
    report = dataclasses.replace(
        make_report(100 * len(right) / SAMPLES, sha256=name.encode().hex().ljust(64, "0")),
        dataset={"samples": SAMPLES, "classes": CLASSES, "digest": benchmark.split.digest},
        evidence={"bytes": 9, "outcomes": {"top1": pack(sample in right for sample in range(SAMPLES))}},
        analysis={"per_class": classes},
    )
    runs.record_report(run.pk, run.token, report, None, at=NOW)
    return Entry.objects.get(model__name=name)


@pytest.fixture
def board(db: None, tmp_path: Path) -> Benchmark:
    folder = write_images(tmp_path / "shapes")
    call_command("register_dataset", "shapes", str(folder), licence="CC0", thumbnails=True, verbosity=0)
    return Benchmark.objects.get(slug="shapes")


def read(**chosen: int) -> str:
    answer = Client().get("/compare/", chosen)
    assert answer.status_code == 200
    return answer.content.decode()


def test_three_entries_are_tested_in_pairs_and_parted_by_sample(board: Benchmark) -> None:
    good = publish(board, "Good", set(range(38)), 100.0)
    fair = publish(board, "Fair", {*range(34), 39}, 75.0)
    poor = publish(board, "Poor", set(range(5)), 25.0)
    text = read(a=good.pk, b=fair.pk, c=poor.pk)
    assert "Good and Fair cannot be told apart" in text
    assert "Good is better than Poor" in text
    assert "Fair is better than Poor" in text
    assert "Good alone is right 4 times, Fair alone 1 times" in text
    alone = text.partition("Where they part")[2].partition("</section>")[0]
    assert "alone right on 4 samples" in alone
    assert alone.count("class-8, sample 34") == 1
    assert "alone right on 1 sample<" in alone
    assert "class-9, sample 39" in alone
    assert "is right on 1 sample<" in alone
    assert "class-9, sample 38" in alone
    classes = text.partition("Class by class")[2]
    assert '<td class="number"><b>100.0</b></td>' in classes
    assert '<td class="number">75.0</td>' in classes
    assert 'name="d"' in text


def test_images_are_not_shown_where_they_may_not_be(board: Benchmark) -> None:
    pair = publish(board, "One", {1, 2}, 50.0), publish(board, "Two", {2, 3}, 50.0)
    board.split.dataset.shows_samples = False
    board.split.dataset.save()
    text = read(a=pair[0].pk, b=pair[1].pk)
    assert "alone right on 1 sample<" in text
    assert "<img" not in text
    assert "Its images are not shown here." in text


def test_entries_may_be_named_twice_or_without_the_first_letter(board: Benchmark) -> None:
    one, two = publish(board, "One", {1, 2}, 50.0), publish(board, "Two", {2, 3}, 50.0)
    answer = Client().get(f"/compare/?a={one.pk}&a={two.pk}&c={one.pk}")
    assert answer.content.decode().count('<th scope="col" class="number"><a') == 2


@pytest.mark.django_db
def test_what_is_not_there_is_not_compared() -> None:
    assert Client().get("/compare/?a=77").status_code == 404
    assert Client().get("/compare/?b=-1").status_code == 404


@given(st.lists(st.floats(0, 1), max_size=12))
def test_correction_never_makes_a_difference_surer_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = adjust(p_values)
    assert all(p <= corrected <= 1 for p, corrected in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    assert [adjusted[place] for place in order] == sorted(adjusted)


def test_correction_by_hand() -> None:
    assert adjust([0.01, 0.04, 0.03]) == [0.03, 0.06, 0.06]


@given(st.sets(st.integers(0, 300)))
def test_places_are_the_bits_that_are_set(places: set[int]) -> None:
    assert list_places(sum(1 << place for place in places)) == sorted(places)
