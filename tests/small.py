"""A dataset and weights that are evaluated in a second."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.torch import save_file

from evaluation.engine.architectures import build

CLASSES = 10
ARCHITECTURE = "cifar/resnet20"


def write_images(folder: Path) -> Path:
    """Write ten classes of four small images each."""
    random = np.random.default_rng(7)
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir(parents=True)
        for number in range(4):
            pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"class-{label}" / f"{number}.png")
    return folder


def write_weights(path: Path, architecture: str = ARCHITECTURE) -> Path:
    """Write random weights of the architecture."""
    save_file(build(architecture).state_dict(), path)
    return path


def write_graph(path: Path, shape: tuple[int | str, ...] = ("batch", 3, 32, 32), classes: int = CLASSES) -> Path:
    """Write a graph of two layers on all pixels. Seen from its two ends, the second layer's place is unknown."""
    pixels = int(np.prod([side for side in shape[1:] if isinstance(side, int)]))
    random = np.random.default_rng(7)
    layers = [random.normal(size=size).astype(np.float32) for size in ((pixels, 16), (16, classes))]
    nodes = [
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("Gemm", ["flat", "layer0"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "layer1"], ["scores"]),
    ]
    images, scores = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, sides)
        for name, sides in (("images", shape), ("scores", (shape[0], classes)))
    )
    tensors = [numpy_helper.from_array(layer, f"layer{number}") for number, layer in enumerate(layers)]
    graph = helper.make_graph(nodes, "small", [images], [scores], tensors)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(
        helper.make_model(graph, producer_name="pytorch", producer_version="2.9", opset_imports=opsets), str(path)
    )
    return path
