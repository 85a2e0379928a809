import io
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from torchvision import transforms

from evaluation.contract import FORWARDS, ForwardMissing, InputFault
from evaluation.engine import forwards
from evaluation.engine.conveyor import Carrier
from evaluation.engine.forwards import MEASURED_FROM, NOISE, choose, choose_layout
from evaluation.engine.job import EngineTrouble, Job
from evaluation.engine.outcomes import read_chunk
from evaluation.engine.predict import FORWARD_FILE, predict
from evaluation.engine.predictor import Predictor, choose_device
from tests.engine.networks import MEAN, STD, make_job, make_network

Logits = npt.NDArray[np.float32]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path, 65, 30, "cpu")


def predict_with(job: Job, batch_size: int, forward: str = "channels_last") -> Logits:
    predictor = Predictor(replace(job, batch_size=batch_size, forward=forward))
    pixels = np.load(job.pixels)
    predictor.choose_forward(pixels, len(pixels), forward)
    assert predictor.way.name == forward
    return predictor.predict(pixels)


@pytest.mark.parametrize("forward", FORWARDS[1:])
def test_logits_are_the_same_bits_in_any_batch(job: Job, forward: str) -> None:
    whole = predict_with(job, 64, forward)
    for batch_size in (1, 7, 16, 33):
        assert np.array_equal(predict_with(job, batch_size, forward), whole)


def test_eager_forward_is_the_reference_bit_for_bit(job: Job) -> None:
    module = make_network("cifar/resnet20", 3)
    pixels = torch.from_numpy(np.load(job.pixels)[:64]).permute(0, 3, 1, 2)
    steps = transforms.Compose([transforms.ConvertImageDtype(torch.float32), transforms.Normalize(MEAN, STD)])
    with torch.inference_mode():
        expected = module.eval()(steps(pixels).contiguous()).numpy()
    assert np.array_equal(predict_with(job, 64, "eager")[:64], expected)


def test_other_forwards_differ_from_the_reference_by_rounding_alone(job: Job) -> None:
    expected = predict_with(job, 64, "eager")
    for forward in ("channels_last", "onnxruntime"):
        found = predict_with(job, 64, forward)
        assert np.abs(found - expected).max() <= NOISE * np.ptp(expected)
        assert (found.argsort(axis=1) == expected.argsort(axis=1)).all()


class Dreamer(nn.Module):
    """Computes one thing as PyTorch and another once it is exported."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores = images.mean(dim=(2, 3))
        return scores.flip(1) if torch.onnx.is_in_onnx_export() else scores


def test_graph_that_computes_something_else_is_not_used() -> None:
    images = torch.rand(4, 3, 8, 8)
    assert choose(Dreamer(), images, "auto", 4).name == "channels_last"
    assert choose(nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), images, "auto", 4).name == "onnxruntime"


class Opaque(nn.Module):
    """Computes what no graph can say."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = torch.linalg.eigvals(images[:, 0])
        return values.real


def test_network_that_cannot_be_exported_runs_as_it_is() -> None:
    images = torch.rand(4, 3, 8, 8)
    assert choose(Opaque(), images, "auto", 4).name == "channels_last"
    with pytest.raises(ForwardMissing, match="onnxruntime cannot be used here"):
        choose(Opaque(), images, "onnxruntime", 4)


def test_long_evaluation_takes_the_forward_that_is_faster() -> None:
    class Slow(nn.Module):
        """Slow as PyTorch alone."""

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if not torch.onnx.is_in_onnx_export():
                time.sleep(0.05)
            return images.mean(dim=(2, 3))

    assert choose(Slow(), torch.rand(4, 3, 8, 8), "auto", MEASURED_FROM).name == "onnxruntime"


class Greedy(nn.Module):
    """Needs more memory than there is once its weights lie as convolutions prefer them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if not self.layer.weight.is_contiguous():
            raise torch.OutOfMemoryError("CUDA out of memory")
        scores: torch.Tensor = self.layer(images).mean(dim=(2, 3))
        return scores


def test_memory_layout_that_does_not_fit_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwards, "TRIED_FROM_SECONDS", 0)
    network, images = Greedy(), torch.rand(4, 3, 8, 8)
    way = choose_layout(network, images, 4, None)
    assert way.name == "eager"
    assert network(images).shape == (4, 3)


def test_attempt_that_goes_on_keeps_the_forward_of_the_first(job: Job) -> None:
    folder = Path(job.predictions)
    predict(Carrier(Predictor(replace(job, forward="eager"))), 3)
    second = (folder / "000001.npy").read_bytes()
    (folder / "000001.npy").unlink()
    predict(Carrier(Predictor(replace(job, forward="channels_last"))), 3)
    assert (folder / "000001.npy").read_bytes() == second
    assert json.loads((folder / "note.json").read_text())["forward"] == "eager"


def test_chunks_of_a_forward_that_is_not_here_are_made_again(job: Job) -> None:
    """As where the folder was filled before an upgrade, or on a machine that had more installed."""
    folder = Path(job.predictions)
    predict(Carrier(Predictor(replace(job, forward="channels_last"))), 3)
    expected = (folder / "000000.npy").read_bytes()
    predict(Carrier(Predictor(replace(job, forward="eager"))), 3)
    (folder / "000001.npy").unlink()
    (folder / "000000.npy").write_bytes(b"of the forward that is gone")
    (folder / FORWARD_FILE).write_text("vanished")
    with pytest.raises(ForwardMissing, match="vanished cannot be used here"):
        predict(Carrier(Predictor(replace(job, forward="channels_last_too"))), 3)
    predict(Carrier(Predictor(job)), 3)
    chosen = (folder / FORWARD_FILE).read_text()
    assert chosen == json.loads((folder / "note.json").read_text())["forward"]
    again = np.load(folder / "000000.npy")
    assert np.allclose(again, np.load(io.BytesIO(expected)), atol=1e-3)


def test_finished_chunks_are_kept_and_missing_ones_made(job: Job) -> None:
    folder = Path(job.predictions)
    predict(Carrier(Predictor(job)), 3)
    first, second = folder / "000000.npy", folder / "000001.npy"
    expected, kept_at = np.load(second), first.stat().st_mtime_ns
    second.unlink()
    predict(Carrier(Predictor(job)), 3)
    assert first.stat().st_mtime_ns == kept_at
    assert np.array_equal(np.load(second), expected)
    left = ["000000.npy", "000001.npy", "000002.npy", "forward", "note.json"]
    assert sorted(path.name for path in folder.iterdir()) == left


@pytest.mark.parametrize("damage", ["cut", "infinite"])
def test_damaged_chunk_is_made_again_by_the_next_attempt(job: Job, damage: str) -> None:
    folder = Path(job.predictions)
    predict(Carrier(Predictor(job)), 3)
    chunk = folder / "000001.npy"
    expected = chunk.read_bytes()
    if damage == "cut":
        chunk.write_bytes(expected[:-50])
    else:
        np.save(chunk, np.full((30, 3), np.inf, np.float32))
    with pytest.raises(EngineTrouble, match="chunk 1 of the predictions"):
        read_chunk(folder, 1, (30, 3))
    predict(Carrier(Predictor(job)), 3)
    assert chunk.read_bytes() == expected


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

    predictor.loaded.module.register_forward_pre_hook(refuse_large)
    found = predictor.predict(np.load(job.pixels))
    assert sizes == [32, 16, *[8] * 9]
    assert (found.argsort(axis=1) == expected.argsort(axis=1)).all()


def test_other_trouble_is_not_taken_for_full_memory(job: Job) -> None:
    predictor = Predictor(job)

    def fail(module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        raise RuntimeError("shapes differ")

    predictor.loaded.module.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        predictor.predict(np.load(job.pixels))


@pytest.mark.parametrize("text", ["CUDA error: an illegal memory access was encountered", "cuDNN error: CUDNN_STATUS"])
def test_trouble_of_an_accelerator_is_not_taken_for_the_images_size(job: Job, text: str) -> None:
    predictor = Predictor(job)
    # As of a network that cannot be run without numbers.
    predictor.facts["multiply_adds"] = None

    def fail(module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        raise RuntimeError(text)

    predictor.loaded.module.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match=text):
        predictor.predict(np.load(job.pixels))


@pytest.mark.parametrize("name", ["meta", "mps", "xla", "tpu", "", "CPU", "cpu:x"])
def test_device_that_no_score_is_computed_on_is_refused(name: str) -> None:
    with pytest.raises(InputFault, match="is unknown; use cpu, cuda or auto"):
        choose_device(name)


@pytest.mark.parametrize("name", ["cpu", "cpu:0"])
def test_processor_is_found_by_its_names(job: Job, name: str) -> None:
    assert np.array_equal(Predictor(replace(job, device=name)).predict(np.load(job.pixels)), predict_with(job, 64))
