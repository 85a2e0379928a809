"""What counts as a dataset, which classes it has, and in which order."""

import io
import os
import shutil
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from evaluation.contract import InputFault
from evaluation.engine import files
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


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the files had been there for long."""
    monkeypatch.setattr(files, "SETTLED_SECONDS", -1)


def refuse_reading(path: object, *_: object) -> bytes:
    raise AssertionError(f"{path} was read again")


@pytest.fixture(params=["folder", "tar"])
def source(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Path:
    (folder / "outputs.txt").write_text("dog\ncat\n")
    if request.param == "folder":
        return folder
    with tarfile.open(tmp_path / "data.tar", "w") as tar:
        tar.add(folder, "")
    return tmp_path / "data.tar"


@pytest.mark.usefixtures("settled")
def test_files_that_have_not_changed_are_not_read_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = index_dataset(source, store=tmp_path)
    assert first == index_dataset(source)
    monkeypatch.setattr(files, "read_file", refuse_reading)
    monkeypatch.setattr(files, "open_tar", refuse_reading)
    assert index_dataset(source, store=tmp_path) == first
    (kept,) = tmp_path.glob("files-*.json")
    kept.write_text(kept.read_text()[:-9])
    with pytest.raises(AssertionError, match="read again"):
        index_dataset(source, store=tmp_path)


@pytest.mark.usefixtures("settled")
def test_change_that_hides_its_time_is_seen(folder: Path, tmp_path: Path) -> None:
    """The digest says what was evaluated: same size and same time of change are not the same file."""
    image = folder / "cat/1.png"
    image.write_bytes(b"before")
    before, times = index_dataset(folder, store=tmp_path), image.stat()
    # Longer than the clock of any file system here stands still.
    time.sleep(0.05)
    image.write_bytes(b"behind")
    os.utime(image, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = index_dataset(folder, store=tmp_path)
    assert after == index_dataset(folder)
    assert after.digest != before.digest


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", ["added", "removed", "renamed", "outputs"])
def test_change_of_a_folder_is_seen(folder: Path, tmp_path: Path, change: str) -> None:
    shutil.copy(folder / "cat/1.png", folder / "cat/2.png")
    before = index_dataset(folder, store=tmp_path)
    if change == "added":
        shutil.copy(folder / "cat/1.png", folder / "dog/2.png")
    elif change == "removed":
        (folder / "cat/2.png").unlink()
    elif change == "renamed":
        (folder / "cat").rename(folder / "emu")
    else:
        (folder / "outputs.txt").write_text("dog\ncat\n")
    after = index_dataset(folder, store=tmp_path)
    assert after == index_dataset(folder)
    assert after.digest != before.digest


def test_of_files_that_have_just_changed_nothing_is_kept(folder: Path, tmp_path: Path) -> None:
    index_dataset(folder, store=tmp_path)
    assert not list(tmp_path.glob("files-*"))


@pytest.mark.usefixtures("settled")
def test_store_without_room_is_no_fault(folder: Path, tmp_path: Path) -> None:
    assert index_dataset(folder, store=tmp_path / "missing") == index_dataset(folder)


def test_folder_linked_below_itself_is_followed_once(folder: Path, tmp_path: Path) -> None:
    before = index_dataset(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "cat/up").symlink_to(folder)
    (folder / "cat/away").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    (folder / "cat/itself").symlink_to(folder / "cat/itself")
    assert index_dataset(folder) == before
    shutil.copy(folder / "dog/1.png", elsewhere / "2.png")
    assert [sample.path for sample in index_dataset(folder).samples] == ["cat/1.png", "cat/away/2.png", "dog/1.png"]
