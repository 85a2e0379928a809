from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from evaluation.engine.job import Job
from evaluation.engine.predict import Predictor, predict
from tests.engine.networks import MEAN, STD, make_network


@pytest.fixture
def job(tmp_path: Path) -> Job:
    torch.save(make_network("cifar/resnet20", 3).state_dict(), tmp_path / "weights.pth")
    pixels = np.random.default_rng(0).integers(0, 256, (65, 32, 32, 3), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    (tmp_path / "predictions").mkdir()
    return Job(
        weights=str(tmp_path / "weights.pth"),
        architecture="cifar/resnet20",
        pixels=str(tmp_path / "pixels.npy"),
        predictions=str(tmp_path / "predictions"),
        classes=3,
        background="none",
        mean=MEAN,
        std=STD,
        device="cpu",
        precision="float32",
        batch_size=None,
        chunk=30,
    )


def predict_with(job: Job, batch_size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    predictor = Predictor(job)
    predictor.batch_size = batch_size
    return predictor.predict(np.load(job.pixels))


def test_predictions_do_not_depend_on_the_batch_size(job: Job) -> None:
    whole = predict_with(job, 64)
    for batch_size in (1, 7):
        parts = predict_with(job, batch_size)
        assert np.allclose(parts, whole, atol=1e-5)
        assert (parts.argsort(axis=1) == whole.argsort(axis=1)).all()


def test_finished_chunks_are_kept_and_missing_ones_made(job: Job) -> None:
    folder = Path(job.predictions)
    predict(job)
    first, second = folder / "000000.npy", folder / "000001.npy"
    expected, kept_at = np.load(second), first.stat().st_mtime_ns
    second.unlink()
    predict(job)
    assert first.stat().st_mtime_ns == kept_at
    assert np.array_equal(np.load(second), expected)
    assert sorted(path.name for path in folder.iterdir()) == ["000000.npy", "000001.npy", "000002.npy", "note.json"]


FULL = (
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("DefaultCPUAllocator: not enough memory"),
    MemoryError(),
)


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_memory_that_runs_out_halves_the_batch(job: Job, error: Exception) -> None:
    expected, predictor = predict_with(job, 8), Predictor(job)
    sizes: list[int] = []

    def refuse_large(module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        sizes.append(len(inputs[0]))
        if len(inputs[0]) > 8:
            raise error

    predictor.module.register_forward_pre_hook(refuse_large)
    found = predictor.predict(np.load(job.pixels))
    assert sizes == [64, 32, 16, *[8] * 8, 1]
    assert (found.argsort(axis=1) == expected.argsort(axis=1)).all()


def test_other_trouble_is_not_taken_for_full_memory(job: Job) -> None:
    predictor = Predictor(job)

    def fail(module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        raise RuntimeError("shapes differ")

    predictor.module.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        predictor.predict(np.load(job.pixels))
