"""The loop on a GPU gives what the one on a CPU gives, whatever is recorded, cut, killed or short of memory."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from evaluation import sandbox
from evaluation.contract import PRECISIONS, DatasetSpec, EvaluationSpec, Protocol, WeightsSpec
from evaluation.engine import conveyor
from evaluation.engine.conveyor import Carrier
from evaluation.engine.forwards import NOISE, Forward
from evaluation.engine.job import Job
from evaluation.engine.predict import predict
from evaluation.engine.predictor import Predictor, normalise
from evaluation.executor import Finished, Places, execute, start_waiting
from tests.engine.conftest import Engine
from tests.engine.networks import MEAN, PROTOCOL, STD, make_job, make_network
from tests.small import ARCHITECTURE, write_images, write_weights

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")

IMAGES, CHUNK = 300, 32
Logits = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path, IMAGES, CHUNK, "cuda")


def predict_with(job: Job) -> tuple[Logits, dict[str, object]]:
    folder = Path(job.predictions)
    for left in folder.iterdir():
        left.unlink()
    predict(Carrier(Predictor(job)), 3)
    chunks = [np.load(path) for path in sorted(folder.glob("*.npy"))]
    return np.concatenate(chunks), json.loads((folder / "note.json").read_text())


def carry(predictor: Predictor, pixels: Pixels) -> tuple[Logits, Carrier]:
    spans = [(start, min(start + CHUNK, len(pixels))) for start in range(0, len(pixels), CHUNK)]
    carrier = Carrier(predictor)
    return np.concatenate(list(carrier.carry(pixels, spans, lambda images: None))), carrier


def test_recorded_launches_give_the_same_bits(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded, note = predict_with(job)
    assert note["cuda_graph"] is True
    monkeypatch.setattr(conveyor, "RECORDED_SHARE", 2)
    launched, note = predict_with(job)
    assert "cuda_graph" not in note
    assert np.array_equal(recorded, launched)


def test_gpu_and_cpu_agree(job: Job) -> None:
    found, _ = predict_with(job)
    expected, _ = predict_with(replace(job, device="cpu", forward="eager"))
    assert np.abs(found - expected).max() <= NOISE * np.ptp(expected)
    assert (found.argsort(axis=1) == expected.argsort(axis=1)).all()


def test_normalised_images_are_the_same_bits_as_on_a_cpu() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).repeat(3, 1).T.reshape(1, 16, 16, 3)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    assert torch.equal(normalise(pixels.cuda(), mean.cuda(), std.cuda()).cpu(), normalise(pixels, mean, std))


def test_logits_are_the_same_bits_in_any_company(job: Job) -> None:
    predictor, pixels, order = Predictor(job), np.load(job.pixels), np.random.default_rng(1).permutation(IMAGES)
    whole, _ = carry(predictor, pixels)
    for chosen in (order, np.arange(5, 50)):
        assert np.array_equal(carry(predictor, pixels[chosen])[0], whole[chosen])


def test_missing_chunks_are_made_again_to_the_same_bytes(job: Job) -> None:
    predict_with(job)
    chunks = sorted(Path(job.predictions).glob("*.npy"))
    expected = {chunk: chunk.read_bytes() for chunk in chunks}
    for chunk in (chunks[0], chunks[4], chunks[-1]):
        chunk.unlink()
    predict(Carrier(Predictor(job)), 3)
    assert {chunk: chunk.read_bytes() for chunk in chunks} == expected


@pytest.mark.parametrize("batch_size", [16, 64])
def test_batches_and_chunks_need_not_fit(job: Job, batch_size: int) -> None:
    expected, _ = predict_with(job)
    found, note = predict_with(replace(job, batch_size=batch_size, chunk=50))
    assert note["batch_size"] == batch_size
    assert np.abs(found - expected).max() <= NOISE * np.ptp(expected)


def test_memory_that_runs_out_halves_the_batch(job: Job) -> None:
    expected, _ = predict_with(job)
    predictor, sizes = Predictor(job), set()

    def refuse_large(module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        sizes.add(len(inputs[0]))
        if len(inputs[0]) > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")

    predictor.loaded.module.register_forward_pre_hook(refuse_large)
    found, _ = carry(predictor, np.load(job.pixels))
    assert (sizes, predictor.batch_size) == ({32, 16, 8}, 8)
    assert np.abs(found - expected).max() <= NOISE * np.ptp(expected)


def test_memory_of_the_device_is_what_the_batch_is_cut_to(job: Job) -> None:
    """As of a network whose activations are larger than the device."""
    total, held = torch.cuda.get_device_properties(0).total_memory, 2**30
    torch.cuda.set_per_process_memory_fraction(held / total)
    try:
        pixels = np.zeros((64, 512, 512, 3), np.uint8)
        np.save(job.pixels, pixels)
        large = replace(job, side=512, chunk=512)
        predictor = Predictor(large)
        assert predictor.batch_size < 512
        assert carry(predictor, pixels)[0].shape == (64, 3)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


class Looking(nn.Module):
    """Looks at its numbers on the way, which no recording of launches can."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores = images.mean(dim=(2, 3))
        return scores.flip(1) if float(scores.sum()) > 0 else scores


def test_network_that_cannot_be_recorded_runs_as_it_is(job: Job) -> None:
    predictor, pixels = Predictor(job), np.load(job.pixels)
    predictor.way = Forward("eager", Looking())
    found, carrier = carry(predictor, pixels)
    assert not carrier.is_recorded
    images = normalise(torch.from_numpy(pixels).cuda(), predictor.mean, predictor.std).mean(dim=(2, 3)).cpu().numpy()
    assert np.allclose(np.sort(found), np.sort(images), atol=1e-4)
    # What follows is not spoilt by the attempt.
    assert torch.equal(torch.ones(4, device="cuda").cumsum(0).cpu(), torch.arange(1.0, 5.0))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_is_computed(job: Job, precision: str) -> None:
    found, note = predict_with(replace(job, precision=precision))
    expected, _ = predict_with(job)
    assert np.abs(found - expected).max() <= 0.05 * np.ptp(expected)
    assert note["device"] == torch.cuda.get_device_name()


def test_command_counts_the_same_on_both_devices(engine: Engine, images: Path, tmp_path: Path) -> None:
    torch.save(make_network("cifar/resnet20", 3).state_dict(), tmp_path / "weights.pth")
    reports = []
    for device in ("cuda", "cpu"):
        words = ("evaluate", "--weights", tmp_path / "weights.pth", "--architecture", "cifar/resnet20")
        done = engine(*words, "--dataset", images, "--device", device, *PROTOCOL)
        assert done.status == 0, done.errors
        reports.append(json.loads(done.output))
    assert reports[0]["metrics"] == reports[1]["metrics"]
    assert reports[0]["evidence"]["outcomes"] == reports[1]["evidence"]["outcomes"]
    assert reports[0]["environment"]["forward"] == "eager"


@pytest.mark.skipif(sandbox.status().kind == "none", reason=sandbox.status().detail)
@pytest.mark.parametrize("waits", [True, False])
def test_box_with_the_gpu_gives_the_bytes_of_none(waits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = WeightsSpec(str(write_weights(tmp_path / "weights.safetensors")), ARCHITECTURE)
    images = DatasetSpec(str(write_images(tmp_path / "images")))
    spec = EvaluationSpec(weights, images, Protocol(32, 32), device="cuda")
    found = []
    for name in ("box", "open"):
        if name == "open":
            monkeypatch.setattr(sandbox, "status", lambda: sandbox.Status("none", "as if bwrap were missing"))
        spare = start_waiting(tmp_path / f"{name}-spares", has_gpu=True, allow_open=True) if waits else None
        places = Places(tmp_path / name, tmp_path / f"{name}-store")
        outcome = execute(
            spec, places, watch=lambda _: True, timeout_seconds=120, allow_open=True, has_gpu=True, spare=spare
        )
        assert isinstance(outcome, Finished), outcome
        assert outcome.report.environment["device"] == torch.cuda.get_device_name()
        assert outcome.evidence is not None
        found.append(outcome.evidence.read_bytes())
    assert found[0] == found[1]
