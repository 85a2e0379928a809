"""ONNX graphs score as the networks they were exported from."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from evaluation.contract import EvaluationReport, InputFault, Protocol
from evaluation.engine import graph
from evaluation.engine.evidence import read_evidence
from evaluation.engine.formats import load
from evaluation.engine.predictor import Predictor, check_rows
from tests.engine.conftest import Engine
from tests.engine.networks import PROTOCOL, make_job, make_network, predict_eagerly
from tests.engine.test_evaluate import LABELS

ARCHITECTURE = "torchvision/regnet_y_400mf"


def export(module: nn.Module, path: Path, side: int = 32, batch: int | None = None) -> None:
    """Export with torch's own exporter; `batch` None leaves the batch size open."""
    axes = {} if batch else {"images": {0: "batch"}, "scores": {0: "batch"}}
    with warnings.catch_warnings():
        # The newer exporter needs a package more.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            module,
            (torch.zeros(batch or 1, 3, side, side),),
            str(path),
            dynamo=False,
            input_names=["images"],
            output_names=["scores"],
            dynamic_axes=axes,
        )


class Background(nn.Module):
    """A network with one output more, first, that is always the greatest."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores = self.module(images)
        return torch.cat([scores.amax(dim=1, keepdim=True) + 1, scores], dim=1)


@pytest.mark.parametrize("wrap", [None, Background])
def test_graph_scores_as_the_eager_loop(
    wrap: type[Background] | None, engine: Engine, images: Path, tmp_path: Path
) -> None:
    module = make_network(ARCHITECTURE, 3)
    weights, report_file, evidence_file = (tmp_path / name for name in ("w.onnx", "report.json", "evidence.npz"))
    export(wrap(module).eval() if wrap else module, weights)
    background = ("--background", "first") if wrap else ()
    arguments = ("--dataset", images, "--weights", weights, *PROTOCOL, *background)
    outcome = engine("evaluate", *arguments, "--output", report_file, "--evidence", evidence_file)
    assert (outcome.status, outcome.errors) == (0, "")

    best = predict_eagerly(module, images)
    assert read_evidence(evidence_file)["top"].tolist() == best.tolist()
    report = EvaluationReport.from_json(report_file.read_text())
    assert [report.metrics[key].correct for key in ("top1", "top5")] == [(best[:, 0] == LABELS).sum(), 18]
    assert (report.weights["format"], report.weights["architecture"]) == ("onnx", "onnx")
    assert report.weights["parameters"] > 1_000_000


@pytest.mark.parametrize("batch", [None, 1, 4])
def test_any_batch_gives_the_networks_logits(batch: int | None, tmp_path: Path) -> None:
    module, path = make_network(ARCHITECTURE, 3), tmp_path / "weights.onnx"
    export(module, path, batch=batch)
    noise = torch.randn(10, 3, 32, 32)
    with torch.inference_mode():
        found = load(path, "onnx").module(noise.to(memory_format=torch.channels_last))
        assert torch.allclose(found, module(noise), atol=1e-4)


def test_graph_with_channels_last_is_fed_so(tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    node = helper.make_node("ReduceMean", ["images"], ["scores"], axes=[1, 2], keepdims=0)
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 8, 8, 3])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])
    save_graph(path, [node], [images], [scores])
    noise = torch.randn(5, 3, 8, 8)
    assert torch.allclose(load(path, "onnx").module(noise), noise.mean(dim=(2, 3)), atol=1e-6)
    assert graph.find_protocol(path) == Protocol(resize=8, crop=8)


def save_graph(
    path: Path, nodes: list[onnx.NodeProto], inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
) -> None:
    model = helper.make_model(
        helper.make_graph(nodes, "graph", inputs, outputs), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 8
    onnx.save(model, str(path))


def test_graph_that_no_memory_holds_is_the_files_fault(tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    nodes = [
        helper.make_node("Constant", [], ["side"], value=numpy_helper.from_array(np.array([2**50]))),
        # A size that is not read from the file alone.
        helper.make_node("Identity", ["side"], ["same"]),
        helper.make_node("ConstantOfShape", ["same"], ["much"]),
        helper.make_node("ReduceSum", ["much"], ["none"], keepdims=0),
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Add", ["means", "none"], ["scores"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 32, 32])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])
    save_graph(path, nodes, [images], [scores])
    job = replace(make_job(tmp_path, 20, 30, "cpu"), weights=str(path), architecture="onnx")
    with pytest.raises(InputFault, match="needs more memory than there is here, even for one image"):
        Predictor(job).predict(np.load(job.pixels))


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((3, 224, 224), Protocol(256, 224)),
        ((3, 299, 299), Protocol(341, 299)),
        ((3, 32, 32), Protocol(32, 32)),
        ((3, "h", "w"), Protocol(256, 224)),
        (("h", "w", 3), Protocol(256, 224)),
        ((224, 224, 3), Protocol(256, 224)),
    ],
)
def test_protocol_follows_the_graphs_input(sides: tuple[int | str, ...], expected: Protocol, tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    save_identity(path, TensorProto.FLOAT, ["n", *sides])
    assert graph.find_protocol(path) == expected


def save_identity(path: Path, kind: int, shape: list[int | str], inputs: int = 1) -> None:
    given = [helper.make_tensor_value_info(f"images{index}", kind, shape) for index in range(inputs)]
    scores = helper.make_tensor_value_info("scores", kind, None)
    save_graph(path, [helper.make_node("Identity", ["images0"], ["scores"])], given, [scores])


@pytest.mark.parametrize(
    ("kind", "shape", "inputs", "reason"),
    [
        (TensorProto.FLOAT, ["n", 3, 32, 48], 1, "no square images"),
        (TensorProto.FLOAT, ["n", 3, 32, 32], 2, "takes 2 inputs"),
        (TensorProto.FLOAT16, ["n", 3, 32, 32], 1, "float32"),
        (TensorProto.FLOAT, ["n", 3072], 1, "dimensions"),
        (TensorProto.FLOAT, ["n", 3, 32, 32], 1, "a row of numbers an image"),
    ],
)
def test_graph_of_another_kind_is_refused(
    kind: int, shape: list[int | str], inputs: int, reason: str, images: Path, tmp_path: Path
) -> None:
    path = tmp_path / "weights.onnx"
    save_identity(path, kind, shape, inputs)
    with pytest.raises(InputFault, match=reason):
        attempt(path)


def attempt(path: Path) -> None:
    side = graph.find_protocol(path).crop or 0
    check_rows(load(path, "onnx").module(torch.zeros(2, 3, side, side)), 2)


def test_graph_that_gives_all_images_one_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    node = helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0)
    one = helper.make_node("ReduceMean", ["means"], ["scores"], axes=[0], keepdims=1)
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 8, 8])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 3])
    save_graph(path, [node, one], [images], [scores])
    with pytest.raises(InputFault, match="one row of class scores an image"):
        attempt(path)


def hold(name: str, *numbers: int) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(numbers)))


SLICE = helper.make_node("Slice", ["means", "zero", "stop", "one"], ["scores"])
# What is made of the means of the images' colours.
OTHER_OUTPUTS = {
    "flags": (TensorProto.BOOL, [helper.make_node("Greater", ["means", "means"], ["scores"])]),
    "texts": (TensorProto.STRING, [helper.make_node("Cast", ["means"], ["scores"], to=TensorProto.STRING)]),
    "a number": (TensorProto.FLOAT, [helper.make_node("ReduceMean", ["means"], ["scores"], keepdims=0)]),
    "numbers": (TensorProto.FLOAT, [helper.make_node("ReduceMean", ["means"], ["scores"], axes=[1], keepdims=0)]),
    "nothing": (TensorProto.FLOAT, [hold("stop", 0), SLICE]),
    "rows as long as an image is bright": (
        TensorProto.FLOAT,
        [
            helper.make_node("ReduceMean", ["means"], ["light"], keepdims=0),
            helper.make_node("Cast", ["light"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Add", ["whole", "one"], ["stop"]),
            SLICE,
        ],
    ),
}


@pytest.mark.parametrize("name", OTHER_OUTPUTS)
def test_graph_without_a_row_of_numbers_an_image_is_refused(name: str, tmp_path: Path) -> None:
    kind, nodes = OTHER_OUTPUTS[name]
    path = tmp_path / "weights.onnx"
    mean = helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0)
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8, 8])
    scores = helper.make_tensor_value_info("scores", kind, None)
    save_graph(path, [mean, hold("zero", 0), hold("one", 1), *nodes], [given], [scores])
    with pytest.raises(InputFault, match="The ONNX model does not give a row of numbers an image"):
        load(path, "onnx").module(torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)]))


class Mixing(nn.Module):
    """A network that takes from each score its mean over the batch."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.module(images)
        return scores - scores.mean(dim=0, keepdim=True)


@pytest.mark.parametrize("batch", [None, 4])
def test_graph_that_mixes_the_images_of_a_batch_is_refused(
    batch: int | None, here: Engine, images: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "w.onnx"
    export(Mixing(make_network(ARCHITECTURE, 3)).eval(), weights, batch=batch)
    outcome = here("evaluate", "--dataset", images, "--weights", weights, *PROTOCOL, "--output", tmp_path / "r.json")
    assert outcome.status == 2
    assert "change with the other images of its batch" in outcome.errors


class Flattening(nn.Module):
    """A network with one score more for every image of the batch."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.module(images)
        return torch.cat([scores, scores @ scores.T], dim=1)


@pytest.mark.parametrize("size", ["64", "16"])
def test_graph_with_more_outputs_for_more_images_is_refused(
    size: str, here: Engine, images: Path, tmp_path: Path
) -> None:
    """Of 18 images: in one batch of 32, or in two of 16, of which the second is filled up."""
    weights = tmp_path / "w.onnx"
    export(Flattening(make_network(ARCHITECTURE, 3)).eval(), weights)
    arguments = ("--dataset", images, "--weights", weights, *PROTOCOL, "--batch-size", size)
    outcome = here("evaluate", *arguments, "--output", tmp_path / "r.json")
    assert outcome.status == 2
    assert "change with the other images of its batch" in outcome.errors


def test_graph_for_another_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    export(make_network(ARCHITECTURE, 3), path)
    with pytest.raises(InputFault, match="takes images of 3×32×32, the protocol makes 3×40×40"):
        load(path, "onnx").module(torch.zeros(2, 3, 40, 40))


def test_inspect_tells_what_a_graph_holds(here: Engine, tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    export(make_network(ARCHITECTURE, 3), path)
    facts = json.loads(here("inspect", path).output)
    assert facts["format"] == "onnx"
    assert facts["parameters"] > 200_000


def test_reduced_precision_is_refused(here: Engine, images: Path, tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    export(make_network(ARCHITECTURE, 3), path)
    outcome = here("evaluate", "--dataset", images, "--weights", path, "--precision", "bfloat16")
    assert outcome.status == 2
    assert "float32" in outcome.errors
