"""Graphs of attention networks, whose exports use operators that convolutional ones do not."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from torch import nn
from torchvision.models import MaxVit, SwinTransformer, VisionTransformer

from evaluation.engine.formats import load
from evaluation.static_check import check

SIDE, CLASSES = 64, 3
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "vit": lambda: VisionTransformer(SIDE, 16, 1, 2, 16, 32, num_classes=CLASSES),
    "swin": lambda: SwinTransformer([2, 2], 16, [2, 2], [1, 2], [4, 4], num_classes=CLASSES),
    "maxvit": lambda: MaxVit((SIDE, SIDE), 8, 2, [8], [1], 4, 0.0, num_classes=CLASSES),
    "edgenext": lambda: timm.create_model("edgenext_xx_small", num_classes=CLASSES, exportable=True),
    "xcit": lambda: timm.create_model("xcit_nano_12_p16_224", num_classes=CLASSES, depth=1, exportable=True),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_attention_networks_are_taken_and_give_their_own_scores(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, file = NETWORKS[name]().eval(), tmp_path / "graph.onnx"
    images = torch.randn(2, 3, SIDE, SIDE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        axes = {"images": {0: "n"}}
        torch.onnx.export(
            module,
            (images[:1],),
            str(file),
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            dynamic_axes=axes,
        )
    assert check(file).format == "onnx"
    with torch.inference_mode():
        given, wanted = load(file, "onnx", torch.device("cpu")).module(images), module(images)
    torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-4)
