"""Where the pixels come from changes nothing, and a dataset whose files changed is not evaluated."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evaluation.contract import DatasetSpec, EvaluationReport, EvaluationSpec, Protocol, WeightsSpec
from evaluation.engine.dataset import index_dataset
from evaluation.engine.job import EngineTrouble
from evaluation.engine.pipeline import Folders, run
from tests.engine.conftest import Engine
from tests.engine.networks import CROP, MEAN, RESIZE, STD, make_network


@pytest.fixture
def spec(images: Path, tmp_path: Path) -> EvaluationSpec:
    torch.save(make_network("cifar/resnet20", 3).state_dict(), tmp_path / "weights.pth")
    weights = WeightsSpec(str(tmp_path / "weights.pth"), "cifar/resnet20")
    return EvaluationSpec(weights, DatasetSpec(str(images)), Protocol(RESIZE, CROP, mean=MEAN, std=STD), order_seed=5)


def evaluate(spec: EvaluationSpec, folder: Path, store: Path) -> tuple[EvaluationReport, list[str]]:
    told: list[str] = []
    folder.mkdir()
    report = run(spec, Folders(folder, store), lambda progress: told.append(progress.message), folder / "evidence.npz")
    return report, told


def test_runs_with_and_without_the_store_leave_the_same_bytes(
    spec: EvaluationSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, allocate = tmp_path / "store", os.posix_fallocate

    def refuse(descriptor: int, offset: int, length: int) -> None:
        """Have no room in the store, and enough elsewhere."""
        if Path(os.readlink(f"/proc/self/fd/{descriptor}")).parent == store:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        allocate(descriptor, offset, length)

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refuse)
        without, told = evaluate(spec, tmp_path / "without", store)
    assert any("evaluated without the store" in message for message in told)
    assert "pixels_digest" not in without.dataset
    built, told = evaluate(spec, tmp_path / "built", store)
    again, _ = evaluate(spec, tmp_path / "again", store)
    assert not any("without the store" in message for message in told)
    assert built.dataset["pixels_digest"] == again.dataset["pixels_digest"]
    assert without.evidence == built.evidence == again.evidence
    assert len({(tmp_path / name / "evidence.npz").read_bytes() for name in ("without", "built", "again")}) == 1


@pytest.fixture
def changing(images: Path, tmp_path: Path) -> Path:
    """A copy of the images, to be changed."""
    target = tmp_path / "changing"
    for file in sorted(images.rglob("*.*")):
        copy = target / file.relative_to(images)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    return target


def change_pixel(folder: Path) -> None:
    file = folder / "red" / "0.png"
    pixels = np.array(Image.open(file))
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(file)


def rename(folder: Path) -> None:
    (folder / "red" / "0.png").rename(folder / "blue" / "from-red.png")


def remove(folder: Path) -> None:
    (folder / "red" / "0.png").unlink()


@pytest.mark.parametrize("change", [change_pixel, rename, remove], ids=lambda change: change.__name__)
def test_dataset_that_changed_since_it_was_registered_is_not_evaluated(
    change: object, spec: EvaluationSpec, changing: Path, tmp_path: Path
) -> None:
    registered = replace(spec, dataset=DatasetSpec(str(changing), index_dataset(changing).digest))
    assert callable(change)
    change(changing)
    with pytest.raises(EngineTrouble, match=r"The dataset's digest is .*, registered was .*: its files changed"):
        evaluate(registered, tmp_path / "work", tmp_path / "store")
    assert list((tmp_path / "work" / "predictions").iterdir()) == []
    assert list((tmp_path / "store").iterdir()) == []


def test_changed_dataset_ends_the_command_with_our_fault(
    here: Engine, spec: EvaluationSpec, changing: Path, tmp_path: Path
) -> None:
    other = replace(spec, dataset=DatasetSpec(str(changing), "sha256:" + "0" * 64))
    (tmp_path / "spec.json").write_text(other.to_json())
    outcome = here("run", tmp_path / "spec.json", "--output", tmp_path / "report.json")
    assert (outcome.status, outcome.errors.count("\n")) == (1, 1)
    assert "its files changed" in outcome.errors
    assert not (tmp_path / "report.json").exists()
