"""Faults of the arguments or the input end with status 2 and one plain line."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from evaluation.contract import EXIT_INPUT_FAULT, InputFault
from evaluation.engine import architectures
from evaluation.engine.predictor import choose_device
from tests.engine.conftest import Engine
from tests.engine.networks import make_network

ARCHITECTURE = "cifar/resnet20"


def refuse(engine: Engine, *arguments: object) -> str:
    """Return the one line with which the engine refuses."""
    outcome = engine(*arguments)
    assert outcome.status == EXIT_INPUT_FAULT, outcome.errors
    assert outcome.output == ""
    assert outcome.errors.count("\n") == 1
    assert "Traceback" not in outcome.errors
    return outcome.errors.strip()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet20.pth"
    torch.save(make_network(ARCHITECTURE, 3).state_dict(), path)
    return path


def evaluation(images: Path, weights: Path, architecture: str = ARCHITECTURE) -> tuple[object, ...]:
    size = ("--resize", 40, "--crop", 32)
    return "evaluate", "--dataset", images, "--weights", weights, "--architecture", architecture, *size


@pytest.mark.parametrize(
    ("name", "near"), [("resnet50", "torchvision/resnet50"), ("torchvision/resnet52", "torchvision/resnet50")]
)
def test_unknown_architecture_names_the_nearest(
    engine: Engine, images: Path, weights: Path, name: str, near: str
) -> None:
    line = refuse(engine, *evaluation(images, weights, name))
    assert name in line
    assert near in line


def make_zip(text: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", text)
    return buffer.getvalue()


NO_MODELS = {
    "empty": b"",
    "text": b"this is no model at all, only words\n",
    "web page": b"<!DOCTYPE html><html><body>Not found</body></html>",
    "noise": bytes((i * 89 + 41) % 256 for i in range(5000)),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "plain zip": make_zip(b"hello"),
    "pickle": b"\x80\x04}\x94.",
}


@pytest.mark.parametrize("kind", NO_MODELS)
def test_file_that_is_no_model_is_refused(engine: Engine, images: Path, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "model.pth"
    file.write_bytes(NO_MODELS[kind])
    told = refuse(engine, *evaluation(images, file))
    assert told == refuse(engine, "inspect", file)
    assert len(told) > 20


def test_truncated_state_dict_is_refused(here: Engine, weights: Path, tmp_path: Path) -> None:
    file = tmp_path / "half.pth"
    file.write_bytes(weights.read_bytes()[:500_000])
    assert "truncated" in refuse(here, "inspect", file)


def test_wrong_shapes_show_few_differences_both_ways(here: Engine, tmp_path: Path) -> None:
    state = make_network("cifar/resnet32", 3).state_dict()
    state["conv1.weight"] = torch.zeros(16, 4, 3, 3)
    state = {name: tensor for name, tensor in state.items() if not name.startswith("layer1.0")}
    file = tmp_path / "other.pth"
    torch.save(state, file)
    line = refuse(here, "inspect", file, "--architecture", ARCHITECTURE)
    assert "does not fit cifar/resnet20" in line
    assert "missing: layer1.0.conv1.weight, " in line
    assert "not known: layer1.3.conv1.weight, " in line
    assert "conv1.weight is (16, 4, 3, 3), not (16, 3, 3, 3)" in line
    assert "more" in line
    assert len(line) < 800


@pytest.mark.parametrize(("fitting", "classes"), [("cifar/resnet32", 10), ("torchvision/squeezenet1_1", 1000)])
def test_weights_of_another_architecture_name_it(here: Engine, tmp_path: Path, fitting: str, classes: int) -> None:
    file = tmp_path / "other.pth"
    torch.save(architectures.build(fitting, classes).state_dict(), file)
    assert f"It fits {fitting}." in refuse(here, "inspect", file, "--architecture", ARCHITECTURE)


def test_weights_with_nan_are_refused_by_the_tensors_name(here: Engine, tmp_path: Path) -> None:
    state = make_network(ARCHITECTURE, 3).state_dict()
    state["bn1.weight"][2] = float("nan")
    file = tmp_path / "nan.pth"
    torch.save(state, file)
    assert "bn1.weight" in refuse(here, "inspect", file, "--architecture", ARCHITECTURE)


@pytest.mark.parametrize("kind", [torch.int8, torch.uint8, torch.int64, torch.bool])
def test_integers_in_place_of_floats_are_refused_by_the_tensors_name(
    here: Engine, tmp_path: Path, kind: torch.dtype
) -> None:
    state = make_network(ARCHITECTURE, 3).state_dict()
    state["layer1.0.conv1.weight"] = state["layer1.0.conv1.weight"].mul(100).to(kind)
    file = tmp_path / "quantised.pth"
    torch.save(state, file)
    name = str(kind).removeprefix("torch.")
    told = f"The tensor layer1.0.conv1.weight holds {name} numbers; save it as float32."
    assert refuse(here, "inspect", file, "--architecture", ARCHITECTURE) == told


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_any_width_are_taken(here: Engine, tmp_path: Path, kind: torch.dtype) -> None:
    """Also as the counters of batches, which are integers in the network."""
    state = {name: tensor.to(kind) for name, tensor in make_network(ARCHITECTURE, 3).state_dict().items()}
    file = tmp_path / "cast.pth"
    torch.save(state, file)
    assert here("inspect", file, "--architecture", ARCHITECTURE).status == 0


@pytest.mark.parametrize(
    ("outputs", "background", "hint"),
    [
        (10, "none", "Submit weights made for these classes."),
        (2, "none", "Submit weights made for these classes."),
        (4, "none", "Declare the background class if it comes first; if a class has no images here, name all classes"),
        (3, "first", "It has no background class; declare none."),
        (5, "first", "Submit weights made for these classes."),
    ],
)
def test_other_number_of_classes_is_told(
    here: Engine, images: Path, tmp_path: Path, outputs: int, background: str, hint: str
) -> None:
    file = tmp_path / "other.pth"
    torch.save(make_network(ARCHITECTURE, outputs).state_dict(), file)
    line = refuse(here, *evaluation(images, file), "--background", background)
    assert f"{outputs} outputs where the dataset has 3 classes. {hint}" in line


@pytest.mark.parametrize(
    ("architecture", "side"), [("timm/deit_tiny_patch16_224", 200), ("torchvision/squeezenet1_1", 8)]
)
def test_size_that_a_network_does_not_take_is_refused(
    here: Engine, images: Path, tmp_path: Path, architecture: str, side: int
) -> None:
    """The one says so itself, of the other nothing is left on the way."""
    file = tmp_path / "small.pth"
    torch.save(architectures.build(architecture, 3).state_dict(), file)
    words = ("evaluate", "--dataset", images, "--weights", file, "--architecture", architecture)
    line = refuse(here, *words, "--resize", side, "--crop", side)
    assert line.startswith(f"{architecture} takes no images of {side}×{side} (")
    assert line.endswith("); give a protocol with the size that it was made for.")


def test_empty_image_folder_is_refused(here: Engine, weights: Path, tmp_path: Path) -> None:
    assert "holds no images" in refuse(here, *evaluation(tmp_path, weights))


def test_image_outside_a_class_folder_is_named(here: Engine, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    for name in ("cat/1.png", "stray.png"):
        Image.new("RGB", (32, 32)).save(tmp_path / name)
    assert "stray.png" in refuse(here, *evaluation(tmp_path, weights))


def test_unreadable_image_is_named(engine: Engine, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (32, 32)).save(tmp_path / "cat" / "1.png")
    (tmp_path / "cat" / "2.jpg").write_bytes(b"no picture")
    assert "cat/2.jpg" in refuse(engine, *evaluation(tmp_path, weights))


def test_damaged_tiff_is_told_in_one_line(engine: Engine, tmp_path: Path) -> None:
    """What libtiff would write beside it comes from below Python, so that only a process of its own shows it."""
    (tmp_path / "cat").mkdir()
    Image.effect_noise((64, 64), 90).convert("RGB").save(tmp_path / "cat" / "1.tif", compression="tiff_lzw")
    data = bytearray((tmp_path / "cat" / "1.tif").read_bytes())
    data[300:600] = b"\xff" * 300
    (tmp_path / "cat" / "1.tif").write_bytes(data)
    assert "cat/1.tif cannot be decoded" in refuse(engine, "dataset", tmp_path, "--check")


@pytest.mark.parametrize(("tag", "kind"), [(273, 2), (277, 16)], ids=["place as a text", "many samples a pixel"])
def test_tiff_with_a_damaged_tag_is_told_in_one_line(engine: Engine, tmp_path: Path, tag: int, kind: int) -> None:
    """Of the one Pillow makes a TypeError, of the other it logs an error by itself."""
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (16, 16)).save(tmp_path / "cat" / "1.tif")
    data = bytearray((tmp_path / "cat" / "1.tif").read_bytes())
    place = data.index(struct.pack("<H", tag), struct.unpack("<I", data[4:8])[0])
    data[place + 2 : place + 4] = struct.pack("<H", kind)
    (tmp_path / "cat" / "1.tif").write_bytes(data)
    assert refuse(engine, "dataset", tmp_path, "--check") == (
        "The image cat/1.tif cannot be decoded (it may be truncated); replace or remove it."
    )


def test_folder_in_place_of_weights_is_called_one(here: Engine, images: Path, weights: Path) -> None:
    folder = weights.with_name("checkpoints")
    folder.mkdir()
    for words in (("inspect", folder), evaluation(images, folder)):
        assert "checkpoints is a folder; give the weights file itself." in refuse(here, *words)


MISSING: dict[str, Callable[[Path, Path], tuple[object, ...]]] = {
    "nowhere.pth": lambda images, weights: evaluation(images, weights.with_name("nowhere.pth")),
    "no-images": lambda images, weights: evaluation(images.with_name("no-images"), weights),
    "lost.pth": lambda images, weights: ("inspect", weights.with_name("lost.pth")),
    "protocol.json": lambda images, weights: (
        *("evaluate", "--dataset", images, "--weights", weights, "--architecture", ARCHITECTURE),
        *("--protocol", weights.with_name("protocol.json")),
    ),
    "spec.json": lambda images, weights: ("run", weights.with_name("spec.json"), "--output", "report.json"),
    "a.npz": lambda images, weights: ("compare", weights.with_name("a.npz"), weights),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_file_is_named(here: Engine, images: Path, weights: Path, name: str) -> None:
    assert name in refuse(here, *MISSING[name](images, weights))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--crop", "0"),
        ("--resize", "many"),
        ("--mean", "1,2"),
        ("--std", "0,1,1"),
        ("--interpolation", "cubic"),
        ("--batch-size", "-1"),
        ("--precision", "int3"),
        ("--output", "/nowhere/report.json"),
    ],
)
def test_bad_option_is_told(here: Engine, images: Path, weights: Path, option: str, value: str) -> None:
    refuse(here, *evaluation(images, weights), option, value)


@pytest.mark.parametrize("name", ["abacus", "cuda:99"])
def test_device_that_is_not_there_is_told(name: str) -> None:
    with pytest.raises(InputFault, match="use"):
        choose_device(name)


def test_missing_architecture_is_told(here: Engine, images: Path, weights: Path) -> None:
    line = refuse(here, "evaluate", "--dataset", images, "--weights", weights)
    assert "architecture" in line
