"""The seed table's TensorFlow and Caffe rows: a graph in the published file's layout is evaluated as its network.

The published files cannot be had in a test. Each network is exported with random values as a converter would leave it:
TensorFlow slim's with channels last and 1001 outputs, background first; Caffe's with channels first and 1000.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from evaluation.contract import DatasetSpec, EvaluationSpec, InputFault, Protocol, WeightsSpec
from evaluation.engine import architectures, graph
from evaluation.engine.evidence import read_evidence
from evaluation.engine.job import Job
from evaluation.engine.pipeline import Folders, run
from evaluation.engine.predict import take
from evaluation.engine.predictor import Predictor, normalise
from evaluation.engine.preprocessing import decode, preprocess
from evaluation.static_check import check

HALVES = ((0.5,) * 3, (0.5,) * 3)
CAFFE = ((128 / 255, 117 / 255, 104 / 255), (1 / 255,) * 3)


@dataclass(frozen=True)
class Row:
    """A published graph: what its network is here, the side of its input, and who published it."""

    model: str
    architecture: str
    side: int
    is_tensorflow: bool = True

    @property
    def background(self) -> str:
        return "first" if self.is_tensorflow else "none"

    @property
    def protocol(self) -> Protocol:
        mean, std = HALVES if self.is_tensorflow else CAFFE
        return Protocol(int(self.side / 0.875), self.side, mean=mean, std=std)


ROWS = [
    Row("Inception-v1", "own/googlenet_plain", 224),
    Row("Inception-v2", "own/bn_inception", 224),
    Row("Inception-v3", "own/inception_v3_plain", 299),
    Row("Inception-v4", "timm/inception_v4", 299),
    Row("Inception-ResNet-v2", "timm/inception_resnet_v2", 299),
    Row("NASNet-A-Large", "timm/nasnetalarge", 331),
    Row("PNASNet-5-Large", "timm/pnasnet5large", 331),
    Row("SENet154", "timm/legacy_senet154", 224, is_tensorflow=False),
]


class ChannelsLast(nn.Module):
    """A network that takes (N, H, W, 3) images, as TensorFlow's do."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.module(images.permute(0, 3, 1, 2))
        return scores


def watch_counts(layers: list[nn.BatchNorm2d]) -> dict[nn.BatchNorm2d, int]:
    """Return, filled while the network runs, how many values of a channel each layer takes its statistics of."""
    counts: dict[nn.BatchNorm2d, int] = {}

    def note(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(layer, nn.BatchNorm2d)
        counts[layer] = inputs[0].numel() // inputs[0].shape[1]

    for layer in layers:
        layer.register_forward_pre_hook(note)
    return counts


@torch.inference_mode()
def calibrate(module: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Make the images' statistics the network's own, so that it tells them apart, and return its logits of them.

    One pass does both, as these networks take seconds: what a layer keeps is made to be what it has just used.
    """
    layers = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    counts = watch_counts(layers)
    for layer in layers:
        layer.train().momentum = 1.0
    logits: torch.Tensor = module(images)
    for layer, count in counts.items():
        layer.eval()
        layer._forward_pre_hooks.clear()
        assert layer.running_var is not None
        # It keeps the unbiased variance and uses the plain one.
        layer.running_var.mul_((count - 1) / count)
    head = [part for part in module.modules() if isinstance(part, nn.Linear) and part.out_features == logits.shape[1]]
    middle = logits.mean(dim=0)
    head[-1].bias.sub_(middle)
    return logits - middle


def export(row: Row, module: nn.Module, path: Path) -> None:
    shape = (1, row.side, row.side, 3) if row.is_tensorflow else (1, 3, row.side, row.side)
    with warnings.catch_warnings(), torch.inference_mode():
        # The newer exporter needs a package more.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            ChannelsLast(module) if row.is_tensorflow else module,
            (torch.zeros(shape),),
            str(path),
            dynamo=False,
            do_constant_folding=False,
            input_names=["input"],
            output_names=["logits"],
            dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
        )


def read_pixels(photographs: Path, protocol: Protocol) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    files = sorted(photographs.rglob("*.jpg"))
    return np.stack([preprocess(decode(file.read_bytes(), file.name), protocol, file.name) for file in files])


def describe(row: Row, path: Path) -> Job:
    return Job(
        weights=str(path),
        architecture="onnx",
        pixels="",
        predictions="",
        side=None,
        background=row.background,
        mean=row.protocol.mean,
        std=row.protocol.std,
        device="cpu",
        precision="float32",
        batch_size=2,
        chunk=2,
        forward="auto",
    )


def make_graph(row: Row, photographs: Path, path: Path) -> torch.Tensor:
    """Write the row's graph and return the (2, 1000) logits of the photographs, background left out."""
    torch.manual_seed(0)
    module = architectures.build(row.architecture, 1001 if row.is_tensorflow else 1000).eval()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (row.protocol.mean, row.protocol.std))
    logits = calibrate(module, normalise(torch.from_numpy(read_pixels(photographs, row.protocol)), mean, std))
    export(row, module, path)
    return logits[:, int(row.is_tensorflow) :]


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.model)
def test_published_graph_predicts_as_its_network(row: Row, photographs: Path, tmp_path: Path) -> None:
    path = tmp_path / "published.onnx"
    expected = make_graph(row, photographs, path)
    assert (check(path).format, graph.find_protocol(path).crop) == ("onnx", row.side)
    predictor = Predictor(describe(row, path))
    # No more images than there are: here the last bit does not matter.
    predictor.batch_size = 2
    found = take(predictor.predict(read_pixels(photographs, row.protocol)), 1000, row.background)
    # Many layers of random values make more of the last bits than trained ones would: half a percent with Inception-v4.
    greatest = float(expected.abs().max())
    assert np.allclose(found, expected, rtol=0, atol=1e-2 * greatest)
    named = torch.from_numpy(np.argsort(-found, axis=1)[:, :5].copy())
    assert torch.allclose(expected.gather(1, named), expected.topk(5).values, rtol=0, atol=2e-2 * greatest)
    assert found[0].argmax() != found[1].argmax(), "a network that answers alike to all proves nothing"


@pytest.mark.slow
def test_published_graph_is_evaluated_whole(photographs: Path, tmp_path: Path) -> None:
    row, path, evidence = ROWS[0], tmp_path / "inception_v1.onnx", tmp_path / "evidence.npz"
    expected = make_graph(row, photographs, path)
    weights = WeightsSpec(str(path), background=row.background)
    spec = EvaluationSpec(weights, DatasetSpec(str(photographs)), row.protocol)
    report = run(spec, Folders(tmp_path / "work", tmp_path / "store"), lambda progress: None, evidence)
    assert read_evidence(evidence)["top"].tolist() == expected.topk(5).indices.tolist()
    assert (report.weights["format"], report.weights["architecture"]) == ("onnx", "onnx")
    assert len(report.weights["content_sha256"]) == 64


def test_background_is_never_guessed() -> None:
    logits = np.arange(2002, dtype=np.float32).reshape(2, 1001)
    assert np.array_equal(take(logits, 1000, "first"), logits[:, 1:])
    with pytest.raises(InputFault, match=r"1001 outputs where .* 1000 classes\. Declare the background"):
        take(logits, 1000, "none")
