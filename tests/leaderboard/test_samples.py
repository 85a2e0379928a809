"""Small images of samples: registered by command, shown under a licence only, served for good by content."""

import shutil
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.test import Client

from leaderboard.models import AuditEvent, Split
from leaderboard.queries import draw_sheet, show_samples
from leaderboard.services.storage import StorageAway
from tests.small import CLASSES, write_images

pytestmark = pytest.mark.django_db


def register(folder: Path, **options: object) -> Split:
    call_command("register_dataset", "shapes", str(folder), verbosity=0, **options)
    return Split.objects.select_related("dataset").get(dataset__slug="shapes")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "shapes")


@pytest.fixture
def shapes(images: Path) -> Split:
    return register(images, licence="CC0", thumbnails=True)


@pytest.mark.parametrize("slug", ["two words", "图像", "x" * 87, "../x", "-", "_"])
def test_slug_that_is_no_address_is_refused(images: Path, slug: str) -> None:
    with pytest.raises(CommandError, match=r"is no part of an address; give at most 80 letters, digits and hyphens"):
        call_command("register_dataset", slug, str(images), verbosity=0)
    assert Client().get("/").status_code == 200
    assert not Split.objects.exists()


def test_every_sample_has_an_image_and_its_class(shapes: Split) -> None:
    samples = show_samples(shapes, range(shapes.thumbnails))
    assert len(samples) == 4 * CLASSES
    assert [sample.class_name for sample in samples[3:5]] == ["class-0", "class-1"]
    answer = Client().get(samples[39].url)
    assert answer["Content-Type"] == "image/webp"
    assert answer.content[8:12] == b"WEBP"
    assert "immutable" in answer["Cache-Control"]


def test_sheet_shows_some_of_each_class(shapes: Split) -> None:
    sheet = draw_sheet(shapes)
    assert [(strip.name, strip.count, len(strip.samples)) for strip in sheet[:2]] == [
        ("class-0", 4, 4),
        ("class-1", 4, 4),
    ]
    page = Client().get("/datasets/shapes/").content.decode()
    assert page.count('class="sample"') == 4 * CLASSES


def test_many_classes_are_sampled_all_over(shapes: Split) -> None:
    shapes.class_counts, shapes.class_names = [1] * 40, [f"kind {number}" for number in range(40)]
    (strip,) = draw_sheet(shapes)
    assert len(strip.samples) == 40
    assert strip.samples[39].class_name == "kind 39"


def test_images_without_a_licence_are_refused(images: Path) -> None:
    with pytest.raises(CommandError, match="no licence"):
        register(images, thumbnails=True)
    assert not Split.objects.get(dataset__slug="shapes").thumbnails


def test_nothing_is_shown_unless_asked_for(images: Path) -> None:
    split = register(images, licence="CC0")
    assert draw_sheet(split) == ()
    assert Client().get(f"/datasets/shapes/samples/{split.short_digest}/0.webp").status_code == 404


def test_admin_takes_images_off_the_pages(shapes: Split) -> None:
    address = show_samples(shapes, [0])[0].url
    shapes.dataset.shows_samples = False
    shapes.dataset.save()
    assert Client().get(address).status_code == 404
    assert 'class="sample"' not in Client().get("/datasets/shapes/").content.decode()


def test_wrong_addresses_lead_nowhere(shapes: Split) -> None:
    for digest, place in ((shapes.short_digest, 40), (shapes.short_digest[:4], 0), ("0" * 16, 0), ("f", 10**30)):
        assert Client().get(f"/datasets/shapes/samples/{digest}/{place}.webp").status_code == 404


def test_other_files_lose_the_images_of_the_old_ones(shapes: Split, images: Path) -> None:
    shutil.rmtree(images / "class-9")
    assert register(images).thumbnails == 0


def test_showing_samples_is_in_the_audit_trail_once(shapes: Split, images: Path) -> None:
    register(images, thumbnails=True)
    assert AuditEvent.objects.filter(action="show-samples").count() == 1


def test_storage_that_is_away_is_said_and_the_next_call_goes_on(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise StorageAway("The file storage does not answer.")

    with monkeypatch.context() as away:
        away.setattr(storages["default"], "exists", fail)
        with pytest.raises(CommandError, match="does not answer"):
            register(images, licence="CC0", thumbnails=True)
    assert register(images, licence="CC0", thumbnails=True).thumbnails == 4 * CLASSES
