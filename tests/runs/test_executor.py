"""The engine as a worker's child: its folder is its own, and its box has the GPU only where that is used."""

import fcntl
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation import devices, executor, sandbox
from evaluation.contract import DatasetSpec, EvaluationSpec, WeightsSpec
from evaluation.executor import Fault, Lacking, Places, Stopped, Trouble, execute
from tests.small import ARCHITECTURE, write_images, write_weights

SPEC = EvaluationSpec(WeightsSpec("/nowhere/weights.pth", "cifar/resnet20"), DatasetSpec("/nowhere/images"))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "work", tmp_path / "store")
    places.prepare()
    return places


def attempt(places: Places, spec: EvaluationSpec = SPEC, *, go_on: bool = True, has_gpu: bool = False) -> object:
    return execute(spec, places, watch=lambda progress: go_on, timeout_seconds=60, allow_open=True, has_gpu=has_gpu)


def test_a_folder_in_which_an_engine_still_works_is_waited_for(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    with (places.work / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert attempt(places, go_on=False) == Stopped()
        monkeypatch.setattr(executor, "HOLD_SECONDS", 0.1)
        assert attempt(places) == Trouble("The engine of an earlier attempt does not end.")
        assert not (places.work / "spec.json").exists()
    assert attempt(places) == Fault("The weights file weights.pth does not exist.")


def test_a_forward_that_is_not_here_is_no_fault_of_the_file(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = WeightsSpec(str(write_weights(tmp_path / "random.safetensors")), ARCHITECTURE)
    images = DatasetSpec(str(write_images(tmp_path / "images")))
    spec = replace(SPEC, weights=weights, dataset=images)
    # As a portal of a newer version pins it, to which this worker does not belong yet.
    object.__setattr__(spec, "forward", "vanished")
    monkeypatch.setattr(executor, "replace", lambda spec, box: spec)
    assert attempt(places, spec) == Lacking(
        "The forward vanished is unknown here; known are auto, eager, channels_last, onnxruntime."
    )


def test_registered_images_that_are_not_here_are_no_fault_of_the_file(places: Places, tmp_path: Path) -> None:
    weights = WeightsSpec(str(write_weights(tmp_path / "random.safetensors")), ARCHITECTURE)
    outcomes = [
        attempt(places, replace(SPEC, weights=weights, dataset=DatasetSpec("/nowhere/images", digest)))
        for digest in ("sha256:00", None)
    ]
    assert [type(outcome) for outcome in outcomes] == [Trouble, Fault]


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of device files as the NVIDIA driver makes them, where a box can be given them."""
    if sandbox.status().kind == "none":
        pytest.skip(sandbox.status().detail)
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm", "tty"):
        (tmp_path / "dev" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "dev" / name).touch()
    monkeypatch.setattr(sandbox, "DEVICE_NODES", tmp_path / "dev")
    return tmp_path / "dev"


def test_box_with_a_gpu_has_its_nodes_and_no_limit_on_memory(nodes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    words, plain = (" ".join(sandbox.build([], [], gpu)) for gpu in (True, False))
    for bound in ("--ro-bind /sys /sys", f"--dev-bind {nodes}/nvidia0", f"--dev-bind {nodes}/nvidia-uvm"):
        assert bound in words
        assert bound not in plain
    assert f"{nodes}/tty" not in words
    assert "--setenv CUDA_VISIBLE_DEVICES 1" in words
    assert "CUDA_VISIBLE_DEVICES" not in plain
    assert ("--data=" in words, "--data=" in plain or "prlimit" not in plain) == (False, True)


@pytest.mark.parametrize(
    ("device", "has_gpu", "expected"),
    [("auto", True, True), ("cuda", True, True), ("cpu", True, False), ("auto", False, False)],
)
def test_box_gets_the_gpu_where_the_evaluation_may_use_it(
    device: str, has_gpu: bool, expected: bool, nodes: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the engine makes of it is tested elsewhere.
    monkeypatch.setattr(sys, "executable", "/bin/true")
    attempt(places, replace(SPEC, device=device), has_gpu=has_gpu)
    box = json.loads((places.work / "spec.json").read_text())["box"]
    assert (str(nodes / "nvidia0") in box) == expected


def put_driver_tool(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = folder / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_gpus_are_those_that_the_driver_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_driver_tool(tmp_path, "echo 'NVIDIA A\nNVIDIA B'", monkeypatch)
    assert devices.find_gpus() == ["NVIDIA A", "NVIDIA B"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices.find_gpus() == []


def test_a_driver_that_fails_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_driver_tool(tmp_path, "echo 'no devices were found'; exit 9", monkeypatch)
    assert devices.find_gpus() == []


def test_a_gpu_that_no_box_can_use_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if sandbox.status().kind == "none":
        pytest.skip(sandbox.status().detail)
    put_driver_tool(tmp_path, "echo 'NVIDIA A'", monkeypatch)
    monkeypatch.setattr(sandbox, "OPEN_GPU", "raise SystemExit('the driver is too old')")
    devices.find_devices.cache_clear()
    try:
        assert not devices.has_gpu()
        assert "the driver is too old" in caplog.text
        devices.find_devices.cache_clear()
        monkeypatch.setattr(sandbox, "OPEN_GPU", "")
        assert devices.has_gpu()
    finally:
        devices.find_devices.cache_clear()


def test_a_worker_can_be_kept_off_its_gpu() -> None:
    (only,) = devices.find_devices("cpu")
    assert only.kind == "cpu"
    assert not devices.has_gpu("cpu")
