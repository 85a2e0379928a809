"""PASCAL VOC's layout and CSV files with several labels an image, from the files to the report."""

import json
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from evaluation.contract import EvaluationReport, InputFault
from evaluation.engine.dataset import Dataset, index_dataset
from evaluation.engine.evidence import read_evidence, write_evidence
from evaluation.engine.metrics.multilabel import judge, score
from tests.engine.conftest import Engine
from tests.engine.networks import PROTOCOL, make_network, reference_transform
from tests.engine.test_multilabel import follow_devkit

CLASSES = ("bird", "cat", "person")
IMAGES = 24


def draw_marks() -> dict[str, tuple[int, ...]]:
    """Return for each image 1, 0 or -1 by class; every class is there, difficult and absent somewhere."""
    random = np.random.default_rng(0)
    return {
        f"{i:06}": tuple(random.choice([1, 0, -1], p=[0.4, 0.15, 0.45], size=len(CLASSES)).tolist())
        for i in range(IMAGES)
    }


MARKS = draw_marks()


def annotate(marks: tuple[int, ...]) -> str:
    """Return an annotation as VOC's: a class that is there may have a difficult object beside the other."""
    objects = [
        (name, flag) for name, mark in zip(CLASSES, marks, strict=True) for flag in {1: "01", 0: "1"}.get(mark, "")
    ]
    bodies = (
        f"<object><name>{name}</name><difficult>{flag}</difficult><part><name>head</name></part></object>"
        for name, flag in objects
    )
    return f"<annotation><folder>VOC2007</folder>{''.join(bodies)}</annotation>"


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """A folder as VOC lays it out: 24 images, the last four of them of another split."""
    random, root = np.random.default_rng(0), tmp_path / "VOCdevkit" / "VOC2007"
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main", "SegmentationClass"):
        (root / folder).mkdir(parents=True)
    for name, marks in MARKS.items():
        image = Image.fromarray(random.integers(0, 256, (48, 40, 3), dtype=np.uint8))
        image.save(root / "JPEGImages" / f"{name}.jpg")
        (root / "Annotations" / f"{name}.xml").write_text(annotate(marks))
    image.save(root / "SegmentationClass" / "000000.png")
    for split, names in (("test", list(MARKS)[:20]), ("val", list(MARKS)[20:])):
        write_list(root, split, "\n".join(names))
        for place, kind in enumerate(CLASSES):
            write_list(root, f"{kind}_{split}", "\n".join(f"{name} {MARKS[name][place]:2d}" for name in names))
    return tmp_path / "VOCdevkit"


def write_list(root: Path, name: str, text: str) -> None:
    (root / "ImageSets" / "Main" / f"{name}.txt").write_text(f"{text}\n")


def find_marks(dataset: Dataset) -> dict[str, object]:
    return {Path(sample.path).stem: sample.label for sample in dataset.samples}


def test_lists_say_the_labels_of_a_split(voc: Path) -> None:
    dataset = index_dataset(voc, "test")
    assert dataset.class_names == CLASSES
    assert find_marks(dataset) == {name: marks for name, marks in MARKS.items() if int(name) < 20}
    assert [sample.path for sample, _ in dataset.read_images()] == [sample.path for sample in dataset.samples]
    assert index_dataset(voc, "val").digest != dataset.digest


def test_annotations_say_the_same_where_there_are_no_lists(voc: Path) -> None:
    lists = index_dataset(voc, "test")
    for file in voc.rglob("*_*.txt"):
        file.unlink()
    annotated = index_dataset(voc, "test")
    assert (annotated.samples, annotated.class_names) == (lists.samples, CLASSES)
    for file in voc.rglob("*.txt"):
        file.unlink()
    assert find_marks(index_dataset(voc)) == MARKS


def test_tar_of_the_layout_is_the_same_dataset(voc: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "voc.tar", "w") as tar:
        tar.add(voc, ".")
    packed, plain = index_dataset(tmp_path / "voc.tar", "test"), index_dataset(voc, "test")
    assert (packed.samples, packed.digest) == (plain.samples, plain.digest)


def test_difficult_marks_are_part_of_the_datasets_identity(voc: Path) -> None:
    before = index_dataset(voc, "test").digest
    file = next(voc.rglob("cat_test.txt"))
    file.write_text(file.read_text().replace("000003 -1", "000003  0"))
    assert index_dataset(voc, "test").digest != before


LISTS, NOTES = "ImageSets/Main", "Annotations"


@pytest.mark.parametrize(
    ("files", "split", "reason"),
    [
        ({}, None, "several splits; name one with --labels: test, val"),
        ({}, "train", "neither a CSV nor a split of VOC2007, which has test, val"),
        ({f"{LISTS}/cat_test.txt": "000001 2\n"}, "test", "cat_test.txt has the line '000001 2'"),
        ({f"{LISTS}/cat_test.txt": "000001 1\n"}, "test", "cat_test.txt lacks the image 000000"),
        ({"JPEGImages/000003.jpg": None}, "test", "JPEGImages lacks the image 000003"),
        ({f"{LISTS}/mine.txt": "000001 000099"}, "mine", "Annotations/000099.xml is missing"),
        ({f"{LISTS}/mine.txt": "000003", f"{NOTES}/000003.xml": "<annotation>"}, "mine", "003.xml is no annotation"),
        ({f"{LISTS}/cat_mine.txt": "000003 -1"}, "mine", "No image of VOC2007 has a label"),
    ],
)
def test_what_is_wrong_in_the_layout_is_named(
    files: dict[str, str | None], split: str | None, reason: str, voc: Path
) -> None:
    for name, text in files.items():
        if text is None:
            (voc / "VOC2007" / name).unlink()
        else:
            (voc / "VOC2007" / name).write_text(text)
    with pytest.raises(InputFault, match=reason):
        index_dataset(voc / "VOC2007", split)


def test_two_years_at_once_are_refused(voc: Path) -> None:
    (voc / "VOC2012" / "JPEGImages").mkdir(parents=True)
    (voc / "VOC2007" / "JPEGImages" / "000000.jpg").rename(voc / "VOC2012" / "JPEGImages" / "2012_000000.jpg")
    with pytest.raises(InputFault, match="holds VOC2007 and VOC2012; give the folder of one"):
        index_dataset(voc, "test")


def write_csv(path: Path, form: str) -> Path:
    """Write the marks of the first twenty images, without what is difficult."""
    present = {name: [c for c, mark in zip(CLASSES, MARKS[name], strict=True) if mark == 1] for name in MARKS}
    lines = ["image,label"]
    for name, classes in present.items():
        file = f"VOC2007/JPEGImages/{name}.jpg"
        lines += [f"{file},{c}" for c in classes or [""]] if form == "rows" else [f"{file},{'|'.join(classes)}"]
    path.write_text("\n".join(lines))
    return path


def test_csv_names_several_labels_as_rows_or_with_bars(voc: Path, tmp_path: Path) -> None:
    rows = index_dataset(voc, write_csv(tmp_path / "rows.csv", "rows"))
    bars = index_dataset(voc, write_csv(tmp_path / "bars.csv", "bars"))
    assert rows.samples == bars.samples
    assert rows.class_names == CLASSES
    assert find_marks(rows) == {name: tuple(mark or -1 for mark in marks) for name, marks in MARKS.items()}


def test_csv_with_one_label_an_image_is_single_label(images: Path, tmp_path: Path) -> None:
    folders = index_dataset(images)
    names = [f"{sample.path},{folders.class_names[sample.label]}" for sample in folders.samples]  # type: ignore[index]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *reversed(names)]))
    listed = index_dataset(images, tmp_path / "labels.csv")
    assert (listed.samples, listed.class_names) == (folders.samples, folders.class_names)


def test_other_labels_of_the_same_images_are_another_dataset(images: Path, tmp_path: Path) -> None:
    """Their images stand in another order, which stored pixels must not be mistaken for."""
    paths = [sample.path for sample in index_dataset(images).samples]
    digests = set()
    for turn in range(2):
        file = tmp_path / f"{turn}.csv"
        file.write_text("\n".join(f"{path},{'ab'[(i + turn) % 2]}" for i, path in enumerate(paths)))
        digests.add(index_dataset(images, file).digest)
    assert len(digests) == 2


@pytest.mark.parametrize("head", ["image,label\n", ""])
@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("a.jpg,cat", r"name images that are not there: a\.jpg; mend"),
        ("c.png,x\na.jpg,x\nd.png,x\nb.jpg,x\ne.png,x", r"there: a\.jpg, b\.jpg, c\.png and 2 more; mend"),
        ("blue/0.png,blue", r"give blue/0\.png the label blue twice; write it once"),
        ("blue/0.png,sky|sky", r"give blue/0\.png the label sky twice; write it once"),
    ],
)
def test_line_too_many_is_refused_by_name(head: str, lines: str, reason: str, images: Path, tmp_path: Path) -> None:
    names = [f"{sample.path},{sample.path.partition('/')[0]}" for sample in index_dataset(images).samples]
    (tmp_path / "labels.csv").write_text(head + "\n".join([*names, lines]))
    with pytest.raises(InputFault, match=reason):
        index_dataset(images, tmp_path / "labels.csv")


@pytest.mark.parametrize(("text", "reason"), [("1.jpg,cat", "lack a line for"), (None, "cannot be read")])
def test_wrong_csv_is_refused(text: str | None, reason: str, images: Path, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputFault, match=reason):
        index_dataset(images, tmp_path / "labels.csv")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_file(make_network("cifar/resnet20", len(CLASSES)).state_dict(), tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


@torch.inference_mode()
def predict_eagerly(root: Path, names: list[str]) -> npt.NDArray[np.float32]:
    module, transform = make_network("cifar/resnet20", len(CLASSES)), reference_transform()
    pictures = [transform(Image.open(root / "JPEGImages" / f"{name}.jpg")) for name in names]
    logits: npt.NDArray[np.float32] = module(torch.stack(pictures)).numpy()
    return logits


def test_evaluation_scores_a_voc_folder_as_the_devkit_does(
    engine: Engine, voc: Path, weights: Path, tmp_path: Path
) -> None:
    report_file, evidence_file = tmp_path / "report.json", tmp_path / "evidence.npz"
    arguments = (
        "--dataset",
        voc,
        "--labels",
        "test",
        "--weights",
        weights,
        "--architecture",
        "cifar/resnet20",
        *PROTOCOL,
    )
    outcome = engine("evaluate", *arguments, "--output", report_file, "--evidence", evidence_file)
    assert (outcome.status, outcome.errors) == (0, "")
    report = EvaluationReport.from_json(report_file.read_text())

    names = list(MARKS)[:20]
    logits, marks = predict_eagerly(voc / "VOC2007", names), np.array([MARKS[name] for name in names])
    for key, year in (("map", 2010), ("map11", 2007)):
        expected = [100 * follow_devkit(logits[:, place], marks[:, place], year) for place in range(len(CLASSES))]
        assert report.metrics[key].value == pytest.approx(np.mean(expected))
        assert [row[key] for row in report.analysis["average_precision"]] == pytest.approx(expected, abs=1e-3)
        assert 0 <= report.metrics[key].low < report.metrics[key].value < report.metrics[key].high <= 100
    assert [row["difficult"] for row in report.analysis["average_precision"]] == (marks == 0).sum(axis=0).tolist()
    assert report.evidence["outcomes"] == {}

    columns = read_evidence(evidence_file)
    again = judge(-columns["place"].astype(np.float32), columns["label"].astype(np.int32))
    assert score(again, ("map", "map11")) == report.metrics


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [("map,top1", "top1 does not fit this dataset, which has several labels"), ("mAP", "'mAP' is unknown; use top1")],
)
def test_metric_that_the_labels_cannot_give_is_refused(
    metrics: str, reason: str, here: Engine, voc: Path, weights: Path
) -> None:
    arguments = ("--dataset", voc, "--labels", "test", "--weights", weights, "--architecture", "cifar/resnet20")
    outcome = here("evaluate", *arguments, "--metrics", metrics)
    assert (outcome.status, outcome.errors.count("\n")) == (2, 1)
    assert reason in outcome.errors


def test_mean_average_precision_of_one_label_an_image_is_refused(here: Engine, images: Path, weights: Path) -> None:
    arguments = ("--dataset", images, "--weights", weights, "--architecture", "cifar/resnet20")
    outcome = here("evaluate", *arguments, "--metrics", "map")
    assert (outcome.status, outcome.errors.count("\n")) == (2, 1)
    assert "map does not fit this dataset, which has one label an image; use top1, top5." in outcome.errors


def test_runs_on_several_labels_have_no_paired_test(here: Engine, voc: Path, tmp_path: Path) -> None:
    dataset = index_dataset(voc, "test")
    labels = np.array([sample.label for sample in dataset.samples], np.int32)
    write_evidence(tmp_path / "run.npz", dataset, judge(labels.astype(np.float32), labels))
    outcome = here("compare", tmp_path / "run.npz", tmp_path / "run.npz")
    assert (outcome.status, outcome.errors.count("\n")) == (2, 1)
    assert "paired test is of top-1" in outcome.errors


def test_dataset_command_tells_the_split(here: Engine, voc: Path) -> None:
    facts = json.loads(here("dataset", voc, "--labels", "val", "--check").output)
    assert (facts["samples"], facts["class_names"]) == (4, list(CLASSES))
