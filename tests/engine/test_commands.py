import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from evaluation.contract import EvaluationReport
from evaluation.engine.commands import put_report
from evaluation.paired import pack
from tests.engine.conftest import ROOT, Engine
from tests.engine.networks import make_network


def test_inspect_tells_what_is_in_a_file(here: Engine, tmp_path: Path) -> None:
    module, file = make_network("cifar/resnet20", 3), tmp_path / "weights.pth"
    torch.save(module.state_dict(), file)
    facts = json.loads(here("inspect", file).output)
    assert facts["format"] == "state_dict"
    assert facts["tensors"] == len(module.state_dict())
    assert facts["bytes"] == file.stat().st_size
    assert facts["architectures"] == ["cifar/resnet20"]
    fitting = json.loads(here("inspect", file, "--architecture", "cifar/resnet20").output)
    assert fitting["parameters"] == sum(parameter.numel() for parameter in module.parameters())


def test_architectures_are_listed_by_pattern(here: Engine) -> None:
    lines = here("architectures", "DenseNet121").output.splitlines()
    assert {line.split()[0] for line in lines} >= {"torchvision/densenet121", "timm/densenet121"}
    assert all("densenet121" in line for line in lines)
    assert "7.98 M" in next(line for line in lines if line.startswith("torchvision/densenet121 "))


@pytest.mark.parametrize(
    ("pattern", "is_there", "is_not"),
    [
        ("resnet*", "torchvision/resnet50", "timm/seresnet50"),
        ("torchvision/ResNet1?", "torchvision/resnet18", "torchvision/resnet101"),
        ("*/resnet[23]4", "timm/resnet34", "timm/resnet50"),
    ],
)
def test_architectures_are_listed_by_wildcards(here: Engine, pattern: str, is_there: str, is_not: str) -> None:
    names = [line.split()[0] for line in here("architectures", pattern).output.splitlines()]
    assert is_there in names
    assert is_not not in names


def test_architectures_without_a_match_name_the_nearest(here: Engine) -> None:
    outcome = here("architectures", "torchvision/resnet5O")
    assert outcome.status == 2
    assert "torchvision/resnet50" in outcome.errors
    assert outcome.errors.count("\n") == 1


def test_all_families_are_listed(here: Engine) -> None:
    names = [line.split()[0] for line in here("architectures").output.splitlines()]
    assert {name.partition("/")[0] for name in names} == {"cifar", "own", "timm", "torchvision"}
    assert len(names) == len(set(names)) > 1000


SPEC: dict[str, object] = {"weights": {"path": "w.pth", "architecture": "cifar/resnet20"}, "dataset": {"path": "d"}}
SPECS: dict[str, tuple[str | dict[str, object], str]] = {
    "no JSON": ("{", "This is no evaluation spec"),
    "nested": ("[" * 100_000, "This is no evaluation spec"),
    "a number": ("5", "This is no evaluation spec: it holds no JSON object."),
    "a list": ("[]", "This is no evaluation spec: it holds no JSON object."),
    "nothing": ("{}", 'This is no evaluation spec: it lacks "weights": {"path": …}.'),
    "no dataset": ({"dataset": None}, 'This is no evaluation spec: it lacks "dataset": {"path": …}.'),
    "no path": ({"weights": {}}, 'This is no evaluation spec: it lacks "weights": {"path": …}.'),
    "unknown key": ({"extra": 1}, "The spec has an unknown key 'extra'; known are weights, dataset, protocol, "),
    "unknown key inside": ({"dataset": {"path": "d", "x": 1}}, "The dataset has an unknown key 'x'; known are path, "),
    "path": ({"weights": {"path": 5}}, "path in the spec must be str, not 5."),
    "architecture": (
        {"weights": {"path": "w.pth", "architecture": [1]}},
        "architecture in the spec must be str | None",
    ),
    "sha256": ({"weights": {"path": "w.pth", "sha256": True}}, "sha256 in the spec must be str | None, not true."),
    "dataset": ({"dataset": {"path": {"a": 1}}}, "path in the spec must be str"),
    "device": ({"device": None}, "device in the spec must be str, not null."),
    "batch": ({"batch_size": 1.5}, "batch_size in the spec must be int | None, not 1.5."),
    "seed": ({"order_seed": "x"}, "order_seed in the spec must be int"),
    "negative seed": ({"order_seed": -1}, "order_seed must be 0 or more."),
    "metrics": ({"metrics": ["top1", 5]}, "metrics in the spec must be tuple[str, ...]"),
    "samples": ({"samples": [0, 1, 2]}, "samples in the spec must be tuple[int, int] | None"),
    "pixels": ({"protocol": {"resize": True}}, "resize must be a whole number"),
    "colours": ({"protocol": {"mean": [True, True, True]}}, "mean must be three numbers"),
    "labels": ({"dataset": {"path": "d", "labels": "a\0b"}}, "labels in the spec holds a null byte"),
    "half a letter": ({"dataset": {"path": "d", "labels": "\ud800"}}, "labels in the spec holds a null byte or half"),
    "forward": ({"forward": "vanished"}, "The forward vanished is unknown here; known are auto, eager, "),
}


@pytest.mark.parametrize("name", SPECS)
def test_spec_that_is_none_is_refused(here: Engine, tmp_path: Path, name: str) -> None:
    content, sentence = SPECS[name]
    file = tmp_path / "spec.json"
    file.write_text(content if isinstance(content, str) else json.dumps(SPEC | content))
    outcome = here("run", file, "--output", tmp_path / "report.json")
    assert outcome.status == 2
    assert outcome.errors.startswith(sentence)


def test_forward_that_is_not_here_is_told_to_workers_by_a_status_of_their_own(here: Engine, tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(SPEC | {"forward": "vanished"}))
    for command in (("run", file), ("merge", file, tmp_path / "part")):
        words = (*command, "--output", tmp_path / "report.json")
        assert [here(*words).status, here(*words, "--give-back").status] == [2, 3]


def evaluate(here: Engine, *more: object) -> str:
    """Return why the command is refused."""
    outcome = here("evaluate", "--dataset", "d", "--weights", "w", "--architecture", "cifar/resnet20", *more)
    assert outcome.status == 2
    assert outcome.errors.count("\n") == 1
    return outcome.errors


@pytest.mark.parametrize("name", ["--dataset", "--weights", "--output", "--evidence", "--protocol"])
def test_name_that_is_empty_or_too_long_is_refused(here: Engine, name: str) -> None:
    # An unset variable would else mean the folder that one is in.
    assert evaluate(here, name, "").startswith(f"Argument {name}: a file's name is missing")
    evaluate(here, name, "a" * 5_000)


def test_long_name_of_a_dataset_is_refused(here: Engine) -> None:
    refused = here("dataset", "a" * 5_000)
    assert (refused.status, refused.errors.count("\n")) == (2, 1)
    assert refused.errors.startswith(f"The file name {'a' * 60}… is longer than a system takes")


def test_labels_that_are_not_there_are_told_in_plain_words(here: Engine, tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").touch()
    refused = here("dataset", tmp_path, "--labels", tmp_path / "none.csv")
    assert (refused.status, refused.errors) == (2, "The labels none.csv cannot be read: No such file or directory.\n")


def test_protocol_of_a_million_brackets_is_refused(here: Engine, tmp_path: Path) -> None:
    file = tmp_path / "protocol.json"
    file.write_text("[" * 1_000_000)
    assert evaluate(here, "--protocol", file).startswith("protocol.json cannot be read as JSON")


@pytest.mark.parametrize("name", ["--mean", "--std"])
@pytest.mark.parametrize("values", ["-0.5,0.5,0.5", "-.5,1,1", "-1e-3,1,2"])
def test_numbers_may_begin_with_a_minus(here: Engine, name: str, values: str) -> None:
    # They are read: what is refused then is that the file is missing, or that no spread is below 0.
    assert "expected one argument" not in evaluate(here, name, values)


@pytest.mark.parametrize("name", ["--batch-size", "--resize"])
@pytest.mark.parametrize("number", ["²", "9" * 5_000, "--5"])
def test_number_that_is_none_is_refused_by_name(here: Engine, name: str, number: str) -> None:
    assert "is neither a whole number" in evaluate(here, f"{name}={number}")


@pytest.mark.parametrize("option", ["--output", "--evidence"])
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_what_cannot_be_written_is_told_before_the_work(here: Engine, tmp_path: Path, option: str) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written" in evaluate(here, option, tmp_path / "file")


@pytest.mark.parametrize(
    ("output", "evidence"),
    [("weights.pth", "e.npz"), ("r.json", "weights.pth"), ("same", "same"), ("same", "linked"), ("r.json", "linked")],
)
def test_file_for_two_purposes_is_refused_and_left_as_it_is(
    here: Engine, tmp_path: Path, output: str, evidence: str
) -> None:
    weights, spec = tmp_path / "weights.pth", tmp_path / "spec.json"
    weights.write_bytes(b"weights")
    (tmp_path / "linked").symlink_to("same" if output == "same" else "weights.pth")
    spec.write_text(
        json.dumps({"weights": {"path": str(weights), "architecture": "cifar/resnet20"}, "dataset": {"path": "d"}})
    )
    more = ("--output", tmp_path / output, "--evidence", tmp_path / evidence)
    evaluation = ("evaluate", "--dataset", tmp_path, "--weights", weights, "--architecture", "cifar/resnet20")
    for command in (evaluation, ("run", spec)):
        outcome = here(*command, *more)
        told = "Give the report, the evidence and the weights a file each.\n"
        assert (outcome.status, outcome.output, outcome.errors) == (2, "", told)
    assert weights.read_bytes() == b"weights"


def test_interrupt_while_it_loads_leaves_no_traceback() -> None:
    interrupt = """
import os, runpy, signal, sys

# What runs in the background is born deaf to it, and so would this be.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Finder:
    def find_spec(self, name, *_):
        if name == "evaluation.engine.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
runpy.run_module("evaluation.engine", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", interrupt], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_polite_end_leaves_no_folder(images: Path, tmp_path: Path) -> None:
    weights, folder = tmp_path / "weights.pth", tmp_path / "temporary"
    torch.save(make_network("cifar/resnet20", 3).state_dict(), weights)
    folder.mkdir()
    command = [sys.executable, "-m", "evaluation.engine", "evaluate", "--dataset", str(images)]
    command += ["--weights", str(weights), "--architecture", "cifar/resnet20"]
    environment = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        while not any(folder.iterdir()):
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        assert process.communicate(timeout=60)[1] == "Stopped.\n"
    assert process.returncode == 1
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_full_disk_is_told(here: Engine, images: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    torch.save(make_network("cifar/resnet20", 3).state_dict(), weights)
    arguments = ("--dataset", images, "--weights", weights, "--architecture", "cifar/resnet20", "--crop", 32)
    outcome = here("evaluate", *arguments, "--output", "/dev/full")
    assert (outcome.status, outcome.errors.startswith("There is no room left on the disk")) == (1, True)


def test_report_goes_through_a_pipe_that_stays_one(tmp_path: Path) -> None:
    pipe, report = tmp_path / "pipe", EvaluationReport({}, {}, {}, {}, {}, {})
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(pipe.read_text)
        put_report(report, pipe)
        assert EvaluationReport.from_json(heard.result(10)) == report
    assert pipe.is_fifo()


def test_dataset_is_described(here: Engine, images: Path) -> None:
    facts = json.loads(here("dataset", images, "--check").output)
    assert (facts["samples"], facts["class_names"]) == (18, ["blue", "green", "red"])


def test_ranks_are_told_of_outcomes_as_reports_have_them(here: Engine, tmp_path: Path) -> None:
    file = tmp_path / "outcomes.json"
    outcomes = [pack(sample < right for sample in range(1000)) for right in (900, 860, 900)]
    file.write_text(json.dumps({"outcomes": outcomes}))
    assert json.loads(here("ranks", file).output) == {"intervals": [[1, 2], [3, 3], [1, 2]]}


def test_no_models_have_no_ranks(here: Engine, tmp_path: Path) -> None:
    file = tmp_path / "outcomes.json"
    file.write_text('{"outcomes": []}')
    assert json.loads(here("ranks", file).output) == {"intervals": []}


@pytest.mark.parametrize(
    "text", ["", "[]", "[" * 1_000_000, '{"outcomes": [1]}', '{"outcomes": ["AAAA", "AA=="]}', '{"outcomes": ["?"]}']
)
def test_outcomes_that_are_none_are_refused(here: Engine, tmp_path: Path, text: str) -> None:
    file = tmp_path / "outcomes.json"
    file.write_text(text)
    outcome = here("ranks", file)
    assert outcome.status == 2
    assert outcome.errors.startswith("These are no outcomes of models on the same samples")


@pytest.mark.parametrize("command", ["inspect", "evaluate"])
def test_weights_with_a_name_that_no_file_can_have_are_missing(here: Engine, tmp_path: Path, command: str) -> None:
    weights = tmp_path / f"{'a' * 300}.pth"
    words = (weights,) if command == "inspect" else ("--dataset", tmp_path, "--weights", weights)
    outcome = here(command, *words)
    assert (outcome.status, outcome.errors.count("\n")) == (2, 1)
    assert "does not exist" in outcome.errors


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_weights_that_may_not_be_read_are_told(here: Engine, tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"weights")
    weights.chmod(0)
    outcome = here("inspect", weights)
    assert outcome.status == 2
    assert "may not be read" in outcome.errors
