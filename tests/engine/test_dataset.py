"""What counts as a dataset, which classes it has, and in which order."""

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from evaluation.contract import InputFault
from evaluation.engine.dataset import digest_lines, index_dataset


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


def test_listed_outputs_may_begin_with_a_byte_order_mark(folder: Path) -> None:
    (folder / "outputs.txt").write_text("dog\ncat\n", encoding="utf-8-sig")
    assert index_dataset(folder).class_names == ("dog", "cat")


def test_tar_of_the_folder_is_the_same_dataset(folder: Path, tmp_path: Path) -> None:
    (folder / "outputs.txt").write_text("dog\ncat\n")
    archive = tmp_path / "data.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for file in sorted(folder.rglob("*.*")):
            tar.add(file, file.relative_to(folder).as_posix())
    packed, plain = index_dataset(archive), index_dataset(folder)
    assert (packed.samples, packed.class_names, packed.digest) == (plain.samples, plain.class_names, plain.digest)


def label(folder: Path, names: list[str]) -> Path:
    """Write an image of each of these classes into one folder, and return their CSV."""
    (folder / "all").mkdir(parents=True)
    for place in range(len(names)):
        Image.new("RGB", (8, 8), (place, 0, 0)).save(folder / "all" / f"{place}.png")
    (folder / "labels.csv").write_text("".join(f"all/{place}.png,{name}\n" for place, name in enumerate(names)))
    return folder / "labels.csv"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["10", "2", "0", "11", "1"], ["0", "1", "2", "10", "11"]),
        (["010", "002", "000"], ["000", "002", "010"]),
        (["1", "01", "2"], ["01", "1", "2"]),
        (["10", "2", "2b"], ["10", "2", "2b"]),
        (["1000000001", "2"], ["1000000001", "2"]),
        (["10", "²"], ["10", "²"]),
    ],
)
def test_classes_that_a_csv_numbers_are_in_the_order_of_the_numbers(
    names: list[str], expected: list[str], tmp_path: Path
) -> None:
    dataset = index_dataset(tmp_path, label(tmp_path, names))
    assert list(dataset.class_names) == expected
    assert [names[int(Path(sample.path).stem)] for sample in dataset.samples] == expected


def test_classes_in_order_of_their_numbers_are_another_dataset(tmp_path: Path) -> None:
    """Pixels that were stored for the order of texts must not be taken for those in the order of numbers."""
    numbers = label(tmp_path, [str(number) for number in range(11)])
    dataset = index_dataset(tmp_path, numbers)
    files = {sample.path: sample.sha256 for sample in dataset.samples}
    before = digest_lines(files, {"labels": numbers.read_bytes()})
    assert dataset.digest != before
    # Where the outputs are listed they were right, and are as they were.
    outputs = "".join(f"{number}\n" for number in range(11)).encode()
    (tmp_path / "outputs.txt").write_bytes(outputs)
    listed = index_dataset(tmp_path, numbers)
    assert (listed.samples, listed.class_names) == (dataset.samples, dataset.class_names)
    assert listed.digest == digest_lines(files, {"labels": numbers.read_bytes(), "outputs.txt": outputs})


@pytest.mark.parametrize(
    ("text", "reason"),
    [(b"cat\n", "lacks the class dog"), (b"cat\ndog\ncat\n", "class cat twice"), (b"\xff\xfe", "no UTF-8")],
)
def test_wrong_list_of_outputs_is_refused(folder: Path, text: bytes, reason: str) -> None:
    (folder / "outputs.txt").write_bytes(text)
    with pytest.raises(InputFault, match=reason):
        index_dataset(folder)


def pack(folder: Path, *more: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(folder, "data")
        for member, content in more:
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def name_member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, size, target
    return member


def claim_sizes() -> bytes:
    """Return a header whose sparse map is no list of numbers."""
    text = b"20 GNU.sparse.map=a\n"
    header = name_member("pax", tarfile.XHDTYPE, len(text)).tobuf() + text.ljust(512, b"\0")
    return header + name_member("cat/2.png", size=9).tobuf() + bytes(512)


def find_second(content: bytes) -> int:
    """Return where the header of the last image begins."""
    return content.index(b"data/dog/1.png")


def damage(content: bytes) -> bytes:
    place = find_second(content)
    return content[:place] + b"D" + content[place + 1 :]


# A score would be of another dataset than the one that was meant.
UNSOUND: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "hard link": (
        lambda folder: pack(folder, (name_member("data/cat/2.png", tarfile.LNKTYPE, target="data/cat/1.png"), b"")),
        "data/cat/2.png in data.tar is a link; pack the images themselves",
    ),
    "soft link": (
        lambda folder: pack(folder, (name_member("data/cat/2.png", tarfile.SYMTYPE, target="/etc/passwd"), b"")),
        "data/cat/2.png in data.tar is a link; pack the images themselves",
    ),
    "cut before a member": (lambda folder: (whole := pack(folder))[: find_second(whole)], "breaks off or is damaged"),
    "damaged header": (lambda folder: damage(pack(folder)), "breaks off or is damaged"),
    "terabytes": (lambda _: name_member("cat/2.png", size=2**40).tobuf(tarfile.GNU_FORMAT), "larger than 1 GiB"),
    "no sizes": (lambda _: claim_sizes(), "nor a readable tar"),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_tar_that_is_not_whole_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    make, reason = UNSOUND[name]
    archive = tmp_path / "data.tar"
    archive.write_bytes(make(folder))
    with pytest.raises(InputFault, match=reason):
        index_dataset(archive)


def test_what_climbs_or_is_no_file_in_a_tar_is_passed_over(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "data.tar"
    odd = [name_member("../../out.png"), name_member("cat/2.png", tarfile.CHRTYPE), name_member("x.png", b"5")]
    archive.write_bytes(pack(folder, *((member, b"") for member in odd)))
    assert [sample.path for sample in index_dataset(archive).samples] == ["data/cat/1.png", "data/dog/1.png"]


def test_files_that_macos_packs_beside_images_are_none(folder: Path) -> None:
    before = index_dataset(folder)
    (folder / "__MACOSX/cat").mkdir(parents=True)
    for name in ("cat/._1.png", "__MACOSX/cat/1.png"):
        (folder / name).write_bytes(b"\0\5\x16\7")
    assert index_dataset(folder) == before


def test_name_that_is_no_text_is_a_name(folder: Path) -> None:
    before = index_dataset(folder)
    shutil.copy(folder / "dog/1.png", os.fsdecode(os.fsencode(folder) + b"/dog/\xff.png"))
    after = index_dataset(folder)
    assert len(after.samples) == 3
    assert after.digest != before.digest


def test_image_that_cannot_be_had_is_named(folder: Path) -> None:
    (folder / "cat/2.png").symlink_to("nowhere.png")
    with pytest.raises(InputFault, match=r"cat/2.png in data is a link that leads nowhere"):
        index_dataset(folder)


def test_image_of_a_gigabyte_is_refused_unread(folder: Path) -> None:
    with (folder / "cat/2.png").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputFault, match="larger than 1 GiB"):
        index_dataset(folder)


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputFault, match="pipe is no ordinary file"):
        index_dataset(tmp_path / "pipe")
