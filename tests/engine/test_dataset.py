"""What counts as a dataset, which classes it has, and in which order."""

import tarfile
from pathlib import Path

import pytest
from PIL import Image

from evaluation.contract import InputFault
from evaluation.engine.dataset import index_dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cat/1.png", "dog/1.png"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "data" / name)
    return tmp_path / "data"


def test_classes_are_the_folders_in_order_of_their_names(folder: Path) -> None:
    dataset = index_dataset(folder)
    assert dataset.class_names == ("cat", "dog")
    assert [(sample.path, sample.label) for sample in dataset.samples] == [("cat/1.png", 0), ("dog/1.png", 1)]


def test_listed_outputs_give_order_and_classes_without_an_image(folder: Path) -> None:
    before = index_dataset(folder).digest
    (folder / "outputs.txt").write_text("dog\nemu\n\ncat\n")
    dataset = index_dataset(folder)
    assert dataset.class_names == ("dog", "emu", "cat")
    assert {sample.path: sample.label for sample in dataset.samples} == {"cat/1.png": 2, "dog/1.png": 0}
    assert dataset.digest != before, "other labels are another dataset"
    assert [sample.path for sample, _ in dataset.read_images()] == ["cat/1.png", "dog/1.png"]


def test_tar_of_the_folder_is_the_same_dataset(folder: Path, tmp_path: Path) -> None:
    (folder / "outputs.txt").write_text("dog\ncat\n")
    archive = tmp_path / "data.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for file in sorted(folder.rglob("*.*")):
            tar.add(file, file.relative_to(folder).as_posix())
    packed, plain = index_dataset(archive), index_dataset(folder)
    assert (packed.samples, packed.class_names, packed.digest) == (plain.samples, plain.class_names, plain.digest)


@pytest.mark.parametrize(
    ("text", "reason"),
    [(b"cat\n", "lacks the class dog"), (b"cat\ndog\ncat\n", "class cat twice"), (b"\xff\xfe", "no UTF-8")],
)
def test_wrong_list_of_outputs_is_refused(folder: Path, text: bytes, reason: str) -> None:
    (folder / "outputs.txt").write_bytes(text)
    with pytest.raises(InputFault, match=reason):
        index_dataset(folder)
