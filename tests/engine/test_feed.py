"""Pixels are laid out while the predictor works: whichever of the two fails or is killed, the other does not wait."""

import errno
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from evaluation.contract import DatasetSpec, EvaluationSpec, InputFault, Protocol, WeightsSpec
from evaluation.engine import pixels
from evaluation.engine.child import Child
from evaluation.engine.feed import Box
from evaluation.engine.job import EngineTrouble
from evaluation.engine.pipeline import Folders, run
from evaluation.engine.predict import FORWARD_FILE
from tests.engine.networks import CROP, MEAN, RESIZE, STD, make_network

CHUNK = 4


@pytest.fixture
def spec(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EvaluationSpec:
    monkeypatch.setattr(pixels, "BLOCK", 2)
    torch.save(make_network("cifar/resnet20", 3).state_dict(), tmp_path / "weights.pth")
    weights = WeightsSpec(str(tmp_path / "weights.pth"), "cifar/resnet20")
    return EvaluationSpec(
        weights, DatasetSpec(str(images)), Protocol(RESIZE, CROP, mean=MEAN, std=STD), chunk=CHUNK, forward="eager"
    )


def evaluate(spec: EvaluationSpec, folder: Path, name: str) -> bytes:
    evidence = folder / f"{name}.npz"
    run(spec, Folders(folder / name, folder / "store"), lambda progress: None, evidence)
    return evidence.read_bytes()


def refuse_from(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk be full from a place of the laid file on."""
    write = os.pwrite

    def refuse(file: int, data: memoryview, position: int) -> int:
        if position >= place:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data, position)

    monkeypatch.setattr(os, "pwrite", refuse)


def test_disk_that_fills_up_meanwhile_is_told_and_keeps_what_was_predicted(
    spec: EvaluationSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = evaluate(spec, tmp_path, "whole")
    with monkeypatch.context() as patch:
        refuse_from(10 * CROP * CROP * 3, patch)
        with pytest.raises(EngineTrouble, match=r"The pixels cannot be written: No space left on device; make room"):
            evaluate(spec, tmp_path, "full")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "full" / "predictions").glob("*.npy")}
    assert 0 < len(kept) < 18 / CHUNK
    assert evaluate(spec, tmp_path, "full") == expected
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_predictor_that_fails_early_is_not_laid_out_for(
    spec: EvaluationSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with weights of another number of classes, found at the first chunk of a large dataset."""
    torch.save(make_network("cifar/resnet20", 5).state_dict(), tmp_path / "five.pth")
    wrong = replace(spec, weights=WeightsSpec(str(tmp_path / "five.pth"), "cifar/resnet20"))
    write, end, laid, is_ended = os.pwrite, Child.end, [], threading.Event()

    def write_late(file: int, data: memoryview, position: int) -> int:
        laid.append(position)
        # The first chunk at once, the others when it has failed.
        assert position <= CHUNK * CROP * CROP * 3 or is_ended.wait(60)
        return write(file, data, position)

    def end_aloud(child: Child) -> None:
        end(child)
        is_ended.set()

    monkeypatch.setattr(pixels, "BLOCK", 1)
    monkeypatch.setattr(os, "pwrite", write_late)
    monkeypatch.setattr(Child, "end", end_aloud)
    with pytest.raises(InputFault, match=r"5 outputs where the dataset has 3 classes\. Submit weights"):
        evaluate(wrong, tmp_path, "wrong")
    assert len(laid) < 18


def test_reader_does_not_outlive_the_one_who_lays_out(images: Path, tmp_path: Path) -> None:
    """Told of fewer images than there are to come, and then of nothing."""
    command = [sys.executable, "-m", "evaluation.engine", "predict", "--family", "cifar"]
    job = tmp_path / "none.json"
    done = subprocess.run(command, input=f"{job}\n".encode(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    assert done.returncode == 0


def test_box_knows_what_was_left_in_it(tmp_path: Path) -> None:
    predictions, laid = tmp_path / "predictions", tmp_path / "pixels.npy"
    predictions.mkdir()
    first = Box(tmp_path, predictions, laid, "first")
    first.prepare()
    (predictions / "000000.npy").touch()
    np.save(laid, np.zeros(3))
    assert not first.is_laid
    first.note_laid()
    for box, is_laid, left in ((first, True, 1), (Box(tmp_path, predictions, laid, "second"), False, 0)):
        box.prepare()
        assert (box.is_laid, len(list(predictions.iterdir()))) == (is_laid, left)


def test_chunks_that_the_predictor_discards_are_not_judged(spec: EvaluationSpec, tmp_path: Path) -> None:
    """As of a forward that an upgrade took away: its chunks lie there until the network is loaded."""
    spec = replace(spec, forward="auto")
    expected, left = evaluate(spec, tmp_path, "work"), tmp_path / "work" / "predictions"
    first = np.load(left / "000000.npy")
    np.save(left / "000000.npy", -first)
    (left / FORWARD_FILE).write_text("vanished")
    assert evaluate(spec, tmp_path, "work") == expected
