"""Small images of samples: the right picture at the right place, and nothing of the file that it came from."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from evaluation.engine.cli import main
from evaluation.engine.dataset import index_dataset
from evaluation.engine.preprocessing import decode
from evaluation.engine.thumbnails import SIDE, count_classes, write_thumbnails

RED, BLUE = (220, 20, 20), (20, 20, 220)


def store(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (300, 150)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    Image.new("RGB", size, colour).save(path, exif=exif)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store(tmp_path / "data" / "b" / "0.jpg", BLUE)
    store(tmp_path / "data" / "a" / "0.jpg", RED)
    store(tmp_path / "data" / "a" / "1.jpg", RED, (20, 20))
    (tmp_path / "small").mkdir()
    return tmp_path


def test_images_stand_at_their_samples_places_and_are_small(folder: Path) -> None:
    write_thumbnails(index_dataset(folder / "data"), folder / "small")
    images = [decode((folder / "small" / f"{place}.webp").read_bytes(), "small") for place in range(3)]
    assert [image.size for image in images] == [(SIDE, SIDE // 2), (20, 20), (SIDE, SIDE // 2)]
    red, _, blue = images[2].getpixel((10, 10))  # type: ignore[misc]
    assert blue > 200 > red


def test_nothing_of_the_original_file_is_kept(folder: Path) -> None:
    write_thumbnails(index_dataset(folder / "data"), folder / "small")
    data = (folder / "small" / "0.webp").read_bytes()
    assert b"taken at home" not in data
    assert not Image.open(io.BytesIO(data)).getexif()


def test_classes_are_counted_in_the_samples_order(folder: Path) -> None:
    assert count_classes(index_dataset(folder / "data")) == [2, 1]


def test_samples_of_several_labels_have_no_counts(folder: Path) -> None:
    labels = folder / "labels.csv"
    labels.write_text("image,label\na/0.jpg,cat|dog\na/1.jpg,dog\nb/0.jpg,cat\n")
    assert count_classes(index_dataset(folder / "data", labels)) == []


def test_command_says_what_it_made(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["thumbnails", str(folder / "data"), str(folder / "small")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["samples"] == 3
    assert said["class_counts"] == [2, 1]
    assert said["digest"] == index_dataset(folder / "data").digest


def test_command_refuses_a_folder_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["thumbnails", str(folder / "data"), str(folder / "nowhere")]) == 2
    assert "is no folder" in capsys.readouterr().err
