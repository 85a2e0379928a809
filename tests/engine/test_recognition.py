"""Files are told by their tensors: whatever lies around the names, however many classes, in old layouts too."""

import random

import pytest
import torch

from evaluation import recognition
from evaluation.engine.architectures import build_empty
from evaluation.engine.architectures.tensors import read_tensors
from tests.engine.test_seed_rows import ROWS, Row

CHOSEN = [
    *("cifar/resnet56", "torchvision/vit_b_16", "torchvision/inception_v3", "timm/inception_v4", "own/fbresnet152"),
    *random.Random(1).sample(sorted(recognition.load().digests), 10),
]
Shapes = dict[str, tuple[int, ...]]


def read_shapes(state: dict[str, torch.Tensor]) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


@pytest.mark.parametrize("name", CHOSEN)
def test_archive_holds_the_installed_libraries_tensors(name: str) -> None:
    shapes = read_tensors(name)
    assert shapes is not None
    assert recognition.read_shapes(name) == shapes
    assert name in recognition.recognise(shapes)
    assert recognition.find_misfit(shapes, name) == ""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.file)
def test_published_files_of_the_seed_are_told(row: Row) -> None:
    state = build_empty(row.architecture, 1001 if row.background else None).state_dict()
    shapes = read_shapes(row.publish(state))
    assert recognition.recognise(shapes)[0] == row.architecture
    assert recognition.find_misfit(shapes, row.architecture) == ""
    assert recognition.count_outputs(shapes, row.architecture) == (1001 if row.background else 1000)


@pytest.mark.parametrize("around", ["", "module.", "state_dict.", "state_dict.module.", "model_ema._orig_mod.module."])
def test_wrappers_and_prefixes_do_not_count(around: str) -> None:
    shapes: Shapes = {f"{around}{name}": shape for name, shape in read_shapes(make_state()).items()}
    if "." in around.rstrip("."):
        shapes |= {"optimizer.state.0.exp_avg": (16,), "optimizer.state.1.exp_avg": (16,)}
    assert recognition.recognise(shapes) == ("cifar/resnet20",)
    assert recognition.find_misfit(shapes, "cifar/resnet20") == ""


def make_state() -> dict[str, torch.Tensor]:
    return build_empty("cifar/resnet20", 37).state_dict()


def test_width_of_the_last_layer_does_not_count_and_is_told() -> None:
    shapes = read_shapes(make_state())
    assert recognition.recognise(shapes) == ("cifar/resnet20",)
    assert recognition.count_outputs(shapes, "cifar/resnet20") == 37


def test_counters_and_auxiliary_heads_may_be_missing() -> None:
    shapes = read_shapes(build_empty("torchvision/googlenet").state_dict())
    bare = {name: shape for name, shape in shapes.items() if not name.startswith("aux") and "num_batches" not in name}
    assert len(bare) < len(shapes)
    assert recognition.recognise(bare)[0] == "torchvision/googlenet"
    assert recognition.find_misfit(bare, "torchvision/googlenet") == ""


def test_one_tensor_more_is_a_stranger_whose_kin_are_named() -> None:
    shapes = read_shapes(make_state()) | {"layer9.weight": (3,)}
    assert recognition.recognise(shapes) == ()
    assert recognition.find_nearest(shapes)[0] == "cifar/resnet20"
    assert (
        recognition.find_misfit(shapes, "torchvision/resnet18")
        .partition(" The nearest are ")[2]
        .startswith("cifar/resnet20")
    )


def test_declared_architecture_is_not_proposed_to_who_declared_it() -> None:
    misfit = recognition.find_misfit(read_shapes(make_state()) | {"layer9.weight": (3,)}, "cifar/resnet20")
    assert misfit.startswith("The file does not fit cifar/resnet20: not known: layer9.weight.")
    assert misfit.count("cifar/resnet20") == 1


def test_nothing_is_near_to_what_is_no_classifier() -> None:
    assert recognition.find_nearest({"a.b": (1, 2), "c.d": (3,)}) == ()
