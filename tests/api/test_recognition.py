"""The architecture of an uploaded file: told where it is not given, held against the file where it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from evaluation.engine.architectures import build
from leaderboard.models import Benchmark, Submission
from tests.api.conftest import read_problem

ADDRESS = "/api/v1/submissions/"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def send(api: APIClient, folder: Path, tensors: Mapping[str, Any], **fields: str) -> Any:
    """Submit a state dict as it lies in a training script's checkpoint."""
    path = folder / "net.pth"
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()}, "epoch": 9}, path)
    file = SimpleUploadedFile("net.pth", path.read_bytes())
    return api.post(ADDRESS, {"benchmark": "digits", "model": "Net", "weights": file, **fields}, format="multipart")


def test_architecture_is_told_from_the_file(api: APIClient, digits: Benchmark, folder: Path) -> None:
    answer = send(api, folder, build("torchvision/shufflenet_v2_x0_5", 10).state_dict())
    assert answer.status_code == 201, answer.content
    assert answer.json()["architecture"] == "torchvision/shufflenet_v2_x0_5"


def test_which_of_several_alike_is_meant_is_not_guessed(api: APIClient, digits: Benchmark, folder: Path) -> None:
    state = build("torchvision/resnet18", 10).state_dict()
    errors = read_problem(send(api, folder, state), 400)
    assert set(errors) == {"architecture"}
    assert "torchvision/resnet18, timm/resnet18" in errors["architecture"][0]
    assert send(api, folder, state, architecture="timm/resnet18").status_code == 201


def test_strangers_name_their_kin(api: APIClient, digits: Benchmark, folder: Path) -> None:
    state = dict(build("cifar/resnet20").state_dict())
    state["layer9.weight"] = torch.zeros(3)
    errors = read_problem(send(api, folder, state), 400)
    assert "the nearest are: cifar/resnet20" in errors["architecture"][0]


def test_architecture_that_does_not_fit_is_refused_with_the_one_that_does(
    api: APIClient, digits: Benchmark, folder: Path
) -> None:
    state = build("cifar/resnet32").state_dict()
    errors = read_problem(send(api, folder, state, architecture="cifar/resnet20"), 400)
    (sentence,) = errors["architecture"]
    assert sentence.startswith("The file does not fit cifar/resnet20: not known: layer1.3.conv1.weight, ")
    assert sentence.endswith("It fits cifar/resnet32.")
    assert not Submission.objects.exists()


@pytest.mark.parametrize(
    ("outputs", "background", "field"),
    [(10, "", ""), (11, "first", ""), (11, "", "background"), (7, "", "weights"), (10, "first", "weights")],
)
def test_last_layer_has_an_output_for_each_class(
    api: APIClient, digits: Benchmark, folder: Path, outputs: int, background: str, field: str
) -> None:
    state = build("cifar/resnet20", outputs).state_dict()
    answer = send(api, folder, state, architecture="cifar/resnet20", background=background)
    if field:
        assert f"{outputs} outputs" in read_problem(answer, 400)[field][0]
    else:
        assert answer.status_code == 201, answer.content
