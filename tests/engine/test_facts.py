"""Content, cost and memory of a network, as a run records them."""

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import nn

from evaluation.engine import architectures, graph
from evaluation.engine.facts import count_multiply_adds, describe_network, digest_tensors, measure_memory
from evaluation.engine.formats import load
from tests.engine.networks import make_network
from tests.engine.test_onnx import export

ARCHITECTURE = "cifar/resnet20"


def test_same_tensors_are_found_in_any_file_under_any_name(tmp_path: Path) -> None:
    state = make_network(ARCHITECTURE, 3).state_dict()
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, tmp_path / "a.pth")
    old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "b.th", _use_new_zipfile_serialization=False)
    save_file({name: tensor.contiguous() for name, tensor in reversed(state.items())}, tmp_path / "c.safetensors")
    digests = {digest_tensors(load(tmp_path / name, ARCHITECTURE).module.state_dict()) for name in ("a.pth", "b.th")}
    digests.add(describe_network(load(tmp_path / "c.safetensors", ARCHITECTURE).module, 32, 32)["content_sha256"])
    assert digests == {digest_tensors({f"renamed.{name}": tensor for name, tensor in state.items()})}
    state["linear.bias"][1] += 1e-6
    assert digest_tensors(state) not in digests


def test_shape_and_type_are_part_of_the_content() -> None:
    tensors = [torch.zeros(2, 3), torch.zeros(3, 2), torch.zeros(6), torch.zeros(6, dtype=torch.int32)]
    tensors += [torch.zeros(6, dtype=torch.bfloat16), torch.zeros(())]
    assert len({digest_tensors({"weight": tensor}) for tensor in tensors}) == len(tensors)
    turned = torch.arange(6.0).reshape(2, 3)
    assert digest_tensors({"a": turned.T}) == digest_tensors({"a": turned.T.contiguous()})
    assert digest_tensors({}) == ""


def test_multiply_adds_of_a_convolution_and_a_matrix_are_counted() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Flatten(), nn.Linear(8 * 6 * 10, 5))
    assert count_multiply_adds(module, 6, 10) == 6 * 10 * 8 * 27 + 8 * 6 * 10 * 5


# In millions: of torchvision's as its own tables have them, of the transformer as worked by hand from its widths.
@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [
        ("torchvision/resnet50", 224, 4089),
        ("torchvision/densenet121", 224, 2834),
        ("timm/vit_tiny_patch16_224", 224, 1254),
    ],
)
def test_multiply_adds_are_the_published_ones(name: str, side: int, expected: int) -> None:
    found = count_multiply_adds(architectures.build_uninitialised(name).eval(), side, side)
    assert found is not None
    assert round(found / 1e6) == expected


class NeedsNumbers(nn.Module):
    """A network whose way depends on what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images * self.weight if bool(images.sum() > 0) else images


def test_network_whose_cost_cannot_be_known_has_none() -> None:
    assert count_multiply_adds(NeedsNumbers(), 8, 8) is None


def save_weights(path: Path, name: str, values: torch.Tensor, doc: str = "") -> None:
    weight = numpy_helper.from_array(values.numpy(), name)
    weight.doc_string = doc
    node = helper.make_node("Add", ["images", name], ["scores"])
    ends = [helper.make_tensor_value_info(each, TensorProto.FLOAT, ["n", 3, 2, 2]) for each in ("images", "scores")]
    onnx.save(helper.make_model(helper.make_graph([node], "graph", ends[:1], ends[1:], [weight])), str(path))


def test_same_tensors_are_found_in_any_graph(tmp_path: Path) -> None:
    values = torch.arange(12.0).reshape(1, 3, 2, 2)
    for file, name, doc in (("a", "w", ""), ("b", "other", "as published")):
        save_weights(tmp_path / file, name, values, doc)
    save_weights(tmp_path / "c", "w", values + 1e-3)
    first, second, third = (graph.digest_content(tmp_path / file) for file in "abc")
    assert first == second != third
    export(make_network("torchvision/regnet_y_400mf", 3), tmp_path / "network.onnx")
    assert len(graph.digest_content(tmp_path / "network.onnx")) == 64
    assert describe_network(load(tmp_path / "network.onnx", "onnx").module, 32, 32) == {
        "content_sha256": "",
        "multiply_adds": None,
    }


def test_memory_is_what_the_process_held_at_most() -> None:
    before = measure_memory(torch.device("cpu"))["peak_memory_bytes"]
    held = torch.ones(before // 4 + 50_000_000)
    assert measure_memory(torch.device("cpu"))["peak_memory_bytes"] > max(before, 4 * held.numel() // 2)
