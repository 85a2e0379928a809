import json
from pathlib import Path

import pytest
import torch

from evaluation.paired import pack
from tests.engine.conftest import Engine
from tests.engine.networks import make_network


def test_inspect_tells_what_is_in_a_file(here: Engine, tmp_path: Path) -> None:
    module, file = make_network("cifar/resnet20", 3), tmp_path / "weights.pth"
    torch.save(module.state_dict(), file)
    facts = json.loads(here("inspect", file).output)
    assert facts["format"] == "state_dict"
    assert facts["tensors"] == len(module.state_dict())
    assert facts["bytes"] == file.stat().st_size
    fitting = json.loads(here("inspect", file, "--architecture", "cifar/resnet20").output)
    assert fitting["parameters"] == sum(parameter.numel() for parameter in module.parameters())


def test_architectures_are_listed_by_pattern(here: Engine) -> None:
    lines = here("architectures", "DenseNet121").output.splitlines()
    assert {line.split()[0] for line in lines} >= {"torchvision/densenet121", "timm/densenet121"}
    assert all("densenet121" in line for line in lines)
    assert "7.98 M" in next(line for line in lines if line.startswith("torchvision/densenet121 "))


def test_architectures_without_a_match_name_the_nearest(here: Engine) -> None:
    outcome = here("architectures", "torchvision/resnet5O")
    assert outcome.status == 2
    assert "torchvision/resnet50" in outcome.errors
    assert outcome.errors.count("\n") == 1


def test_all_families_are_listed(here: Engine) -> None:
    names = [line.split()[0] for line in here("architectures").output.splitlines()]
    assert {name.partition("/")[0] for name in names} == {"cifar", "own", "timm", "torchvision"}
    assert len(names) == len(set(names)) > 1000


def test_dataset_is_described(here: Engine, images: Path) -> None:
    facts = json.loads(here("dataset", images, "--check").output)
    assert (facts["samples"], facts["class_names"]) == (18, ["blue", "green", "red"])


def test_ranks_are_told_of_outcomes_as_reports_have_them(here: Engine, tmp_path: Path) -> None:
    file = tmp_path / "outcomes.json"
    outcomes = [pack(sample < right for sample in range(1000)) for right in (900, 860, 900)]
    file.write_text(json.dumps({"outcomes": outcomes}))
    assert json.loads(here("ranks", file).output) == {"intervals": [[1, 2], [3, 3], [1, 2]]}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"outcomes": [1]}', '{"outcomes": ["AAAA", "AA=="]}', '{"outcomes": ["?"]}']
)
def test_outcomes_that_are_none_are_refused(here: Engine, tmp_path: Path, text: str) -> None:
    file = tmp_path / "outcomes.json"
    file.write_text(text)
    outcome = here("ranks", file)
    assert outcome.status == 2
    assert outcome.errors.startswith("These are no outcomes of models on the same samples")
