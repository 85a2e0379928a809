"""Every PyTorch row of the seed table: a file in the published layout is evaluated as the network that it holds.

The published weights cannot be had in a test, so each file holds random values under the published names and shapes.
Where others than the library publish the file, `digest` is of the names and shapes that their own code makes.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from evaluation import catalogue
from evaluation.contract import DatasetSpec, EvaluationSpec, InputFault, Progress, Protocol, WeightsSpec
from evaluation.engine import architectures
from evaluation.engine.evidence import read_evidence
from evaluation.engine.formats import load
from evaluation.engine.job import Job
from evaluation.engine.pipeline import Folders, run
from evaluation.engine.predict import take
from evaluation.engine.predictor import Predictor
from evaluation.engine.preprocessing import decode, preprocess

State = dict[str, torch.Tensor]

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES = ((0.5,) * 3, (0.5,) * 3)
CAFFE = ((128 / 255, 117 / 255, 104 / 255), (1 / 255,) * 3)


def keep(state: State) -> State:
    return state


def rename(pattern: str, name: str) -> Callable[[State], State]:
    return lambda state: {re.sub(pattern, name, key): tensor for key, tensor in state.items()}


def publish_xception(state: State) -> State:
    return {key: tensor[:, :, 0, 0] if ".pointwise." in key else tensor for key, tensor in state.items()}


def publish_rows(state: State) -> State:
    older = {re.sub(r"^last_linear", "fc", key): tensor for key, tensor in state.items()}
    return {key: tensor[None] if "_bn." in key else tensor for key, tensor in older.items()}


@dataclass(frozen=True)
class Row:
    """A published file: what its architecture is here, its protocol, and how its layout differs."""

    file: str
    architecture: str
    resize: int
    crop: int
    normalisation: tuple[tuple[float, ...], tuple[float, ...]] = IMAGENET
    publish: Callable[[State], State] = keep
    digest: str = ""
    background: bool = False
    interpolation: str = "bilinear"

    @property
    def protocol(self) -> Protocol:
        return Protocol.from_dict(
            {"resize": self.resize, "crop": self.crop, "interpolation": self.interpolation}
            | {"mean": self.normalisation[0], "std": self.normalisation[1]}
        )


DENSENET = rename(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2")
ROWS = [
    Row("densenet121-a639ec97.pth", "torchvision/densenet121", 256, 224, publish=DENSENET),
    Row("densenet161-8d451a50.pth", "torchvision/densenet161", 256, 224, publish=DENSENET),
    Row("densenet169-b2777c0a.pth", "torchvision/densenet169", 256, 224, publish=DENSENET),
    Row("densenet201-c1103571.pth", "torchvision/densenet201", 256, 224, publish=DENSENET),
    Row("inception_v1_1001.pth", "torchvision/googlenet", 256, 224, background=True),
    Row("bn_inception-52deb4733.pth", "own/bn_inception", 256, 224, CAFFE, digest="f35e377274b476f8"),
    Row("bn_inception-9f5701afb96c8044.pth", "own/bn_inception", 256, 224, CAFFE, publish_rows),
    Row("inception_v3_google-1a9a5a14.pth", "torchvision/inception_v3", 342, 299),
    Row(
        "inceptionv4-8e4777a0.pth",
        "timm/inception_v4",
        *(341, 299, HALVES, keep, "faa761be08ebc930", True, "bicubic"),
    ),
    Row(
        "inceptionresnetv2-520b38e4.pth",
        "timm/inception_resnet_v2",
        *(333, 299, HALVES, rename("^classif", "last_linear"), "2f058120c001f6a8", True, "bicubic"),
    ),
    Row(
        "nasnetalarge-a1897284.pth",
        "timm/nasnetalarge",
        *(363, 331, HALVES, keep, "7f529be09b6ec852", True, "bicubic"),
    ),
    Row(
        "pnasnet5large-bf079911.pth",
        "timm/pnasnet5large",
        *(363, 331, HALVES, keep, "db2dbf3e43640a14", True, "bicubic"),
    ),
    Row("senet154-c7b49a05.pth", "timm/legacy_senet154", 256, 224, digest="30feaf1e020b55ea"),
    Row("fbresnet152-2e20f6b4.pth", "own/fbresnet152", 256, 224, digest="492c6ea30627b0e8"),
    Row(
        "xception-b5690688.pth",
        "timm/legacy_xception",
        *(333, 299, HALVES, publish_xception, "c755106913f4a480", False, "bicubic"),
    ),
    Row(
        "xception-43020ad28.pth",
        "timm/legacy_xception",
        *(333, 299, HALVES, rename("^fc", "last_linear"), "", False, "bicubic"),
    ),
    Row("resnet101-5d3b4d8f.pth", "torchvision/resnet101", 256, 224),
]


# These go the whole way, in a process of their own.
WHOLE = ("densenet121-a639ec97.pth", "inceptionv4-8e4777a0.pth", "xception-b5690688.pth")


@torch.inference_mode()
def make_network(row: Row, inputs: torch.Tensor) -> nn.Module:
    """Return a network that tells these inputs apart: its statistics are theirs, and no class wins for both."""
    torch.manual_seed(0)
    module = architectures.build(row.architecture, 1001 if row.background else 1000).eval()
    layers = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for layer in layers:
        layer.train().momentum = 1.0
    logits = module(inputs)
    for layer in layers:
        layer.eval()
    heads = [part for part in module.modules() if isinstance(part, nn.Linear) and part.out_features == logits.shape[1]]
    assert heads[-1].bias is not None
    heads[-1].bias.sub_(logits.mean(dim=0))
    return module


def open_inputs(folder: Path, row: Row) -> torch.Tensor:
    steps = [
        transforms.Resize(row.resize, InterpolationMode(row.interpolation)),
        transforms.CenterCrop(row.crop),
        transforms.ToTensor(),
        transforms.Normalize(*row.normalisation),
    ]
    files = sorted(folder.rglob("*.jpg"))
    return torch.stack([transforms.Compose(steps)(Image.open(file).convert("RGB")) for file in files])


def digest_layout(state: State) -> str:
    lines = sorted(f"{name} {list(tensor.shape)}\n" for name, tensor in state.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def drop_counters(state: State) -> State:
    """Drop what files from before PyTorch 0.4.1 lack."""
    return {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


def save(row: Row, module: nn.Module, folder: Path) -> WeightsSpec:
    """Write the network as the published file would hold it."""
    state = row.publish(drop_counters(module.state_dict()))
    assert row.digest in ("", digest_layout(state))
    torch.save(state, folder / row.file)
    return WeightsSpec(str(folder / row.file), row.architecture, background="first" if row.background else "none")


@torch.inference_mode()
def predict_eagerly(row: Row, module: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    # In the engine's order of memory, as another order rounds otherwise.
    ordered = module.to(memory_format=torch.channels_last)(inputs.contiguous(memory_format=torch.channels_last))
    logits: torch.Tensor = ordered[:, int(row.background) :]
    best = logits.topk(5).indices
    assert (best[0] != best[1]).any(), "a network that answers alike to all proves nothing"
    return logits


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.file)
def test_published_file_predicts_as_its_network(row: Row, photographs: Path, tmp_path: Path) -> None:
    inputs = open_inputs(photographs, row)
    module = make_network(row, inputs)
    weights = save(row, module, tmp_path)
    job = Job(
        weights=weights.path,
        architecture=row.architecture,
        pixels="",
        predictions="",
        side=None,
        background=weights.background,
        mean=row.protocol.mean,
        std=row.protocol.std,
        device="cpu",
        precision="float32",
        batch_size=None,
        chunk=2,
        forward="auto",
    )
    predictor = Predictor(job)
    files = sorted(photographs.rglob("*.jpg"))
    pixels = np.stack([preprocess(decode(file.read_bytes(), ""), row.protocol, "") for file in files])
    found = take(predictor.predict(pixels), 1000, weights.background)
    expected = predict_eagerly(row, module, inputs)
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    assert np.argsort(-found, axis=1)[:, :5].tolist() == expected.topk(5).indices.tolist()
    assert bool(predictor.loaded.layouts) == (row.publish is not keep)


@pytest.mark.slow
@pytest.mark.parametrize("row", [row for row in ROWS if row.file in WHOLE], ids=lambda row: row.file)
def test_published_file_is_evaluated_whole(row: Row, photographs: Path, tmp_path: Path) -> None:
    inputs = open_inputs(photographs, row)
    module = make_network(row, inputs)
    evidence_file, told = tmp_path / "evidence.npz", list[Progress]()
    spec = EvaluationSpec(save(row, module, tmp_path), DatasetSpec(str(photographs)))
    report = run(spec, Folders(tmp_path / "work", tmp_path / "store"), told.append, evidence_file)
    logits = predict_eagerly(row, module, inputs)
    evidence = read_evidence(evidence_file)
    assert evidence["top"].tolist() == logits.topk(5).indices.tolist()
    own = logits[torch.arange(2), torch.tensor([7, 811])]
    assert evidence["rank"].tolist() == (logits > own[:, None]).sum(dim=1).tolist()
    assert report.protocol == vars(row.protocol)
    assert report.dataset["classes"] == 1000
    assert any("the file has" in progress.message for progress in told) == (row.publish is not keep)


def test_protocol_of_each_row_is_the_published_one() -> None:
    for row in ROWS:
        known = catalogue.find(row.architecture)
        assert known is not None
        assert known.protocol == row.protocol, row.file


def test_both_names_in_one_file_are_refused(tmp_path: Path) -> None:
    state = architectures.build("own/bn_inception").state_dict()
    torch.save(state | {"fc.weight": state["last_linear.weight"]}, tmp_path / "both.pth")
    with pytest.raises(InputFault, match=r"not known: fc\.weight"):
        load(tmp_path / "both.pth", "own/bn_inception")


def test_rule_of_one_architecture_is_not_taken_for_another(tmp_path: Path) -> None:
    state = architectures.build("torchvision/resnet18").state_dict()
    torch.save(rename("^fc", "last_linear")(state), tmp_path / "renamed.pth")
    with pytest.raises(InputFault, match=r"not known: last_linear\.weight"):
        load(tmp_path / "renamed.pth", "torchvision/resnet18")
