"""BN-Inception, also called Inception-v2.

Source: S. Ioffe, C. Szegedy, "Batch Normalization", 2015, appendix, figure 5, with Caffe's pooling (sizes rounded up).
Parameters are named as in Cadene's published file (bn_inception-52deb4733.pth): one flat level.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Block:
    """Filters of one inception block, `reduce` those of the 1×1 convolutions before.

    A block without `one` halves the image's sides, and passes its input through the pool unprojected.
    """

    inputs: int
    one: int
    three_reduce: int
    three: int
    double_reduce: int
    double: int
    projected: int
    pool: str = "average"

    @property
    def stride(self) -> int:
        return 1 if self.one else 2


BLOCKS = {
    "3a": Block(192, 64, 64, 64, 64, 96, 32),
    "3b": Block(256, 64, 64, 96, 64, 96, 64),
    "3c": Block(320, 0, 128, 160, 64, 96, 0, "max"),
    "4a": Block(576, 224, 64, 96, 96, 128, 128),
    "4b": Block(576, 192, 96, 128, 96, 128, 128),
    "4c": Block(576, 160, 128, 160, 128, 160, 128),
    "4d": Block(608, 96, 128, 192, 160, 192, 128),
    "4e": Block(608, 0, 128, 192, 192, 256, 0, "max"),
    "5a": Block(1056, 352, 192, 320, 160, 224, 128),
    "5b": Block(1024, 352, 192, 320, 192, 224, 128, "max"),
}


class BNInception(nn.Module):
    """(N, 3, H, W) RGB images to (N, classes) logits. The published weights are Caffe's, which read blue first."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.add("conv1_7x7_s2", 3, 64, 7, 2)
        self.add("conv2_3x3_reduce", 64, 64, 1)
        self.add("conv2_3x3", 64, 192, 3)
        for name, block in BLOCKS.items():
            self.add_block(f"inception_{name}", block)
        self.last_linear = nn.Linear(1024, classes)

    def add(self, name: str, inputs: int, filters: int, side: int, stride: int = 1) -> None:
        self.add_module(name, nn.Conv2d(inputs, filters, side, stride, padding=side // 2))
        self.add_module(f"{name}_bn", nn.BatchNorm2d(filters))

    def add_block(self, name: str, block: Block) -> None:
        if block.one:
            self.add(f"{name}_1x1", block.inputs, block.one, 1)
        self.add(f"{name}_3x3_reduce", block.inputs, block.three_reduce, 1)
        self.add(f"{name}_3x3", block.three_reduce, block.three, 3, block.stride)
        self.add(f"{name}_double_3x3_reduce", block.inputs, block.double_reduce, 1)
        self.add(f"{name}_double_3x3_1", block.double_reduce, block.double, 3)
        self.add(f"{name}_double_3x3_2", block.double, block.double, 3, block.stride)
        if block.projected:
            self.add(f"{name}_pool_proj", block.inputs, block.projected, 1)

    def apply_layers(self, images: torch.Tensor, *names: str) -> torch.Tensor:
        """Return what these convolutions, each normalised and rectified, make of the images one after the other."""
        for name in names:
            images = self.get_submodule(f"{name}_bn")(self.get_submodule(name)(images))
            images = functional.relu(images)
        return images

    def apply_block(self, images: torch.Tensor, name: str, block: Block) -> torch.Tensor:
        parts = [self.apply_layers(images, f"{name}_1x1")] if block.one else []
        parts.append(self.apply_layers(images, f"{name}_3x3_reduce", f"{name}_3x3"))
        double = (f"{name}_double_3x3_reduce", f"{name}_double_3x3_1", f"{name}_double_3x3_2")
        parts.append(self.apply_layers(images, *double))
        pooled = pool(images, block)
        parts.append(self.apply_layers(pooled, f"{name}_pool_proj") if block.projected else pooled)
        return torch.cat(parts, dim=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = self.apply_layers(images.flip(1), "conv1_7x7_s2")
        out = functional.max_pool2d(out, 3, stride=2, ceil_mode=True)
        out = self.apply_layers(out, "conv2_3x3_reduce", "conv2_3x3")
        out = functional.max_pool2d(out, 3, stride=2, ceil_mode=True)
        for name, block in BLOCKS.items():
            out = self.apply_block(out, f"inception_{name}", block)
        logits: torch.Tensor = self.last_linear(out.mean(dim=(2, 3)))
        return logits


def pool(images: torch.Tensor, block: Block) -> torch.Tensor:
    if block.pool == "average":
        return functional.avg_pool2d(images, 3, stride=1, padding=1, ceil_mode=True)
    return functional.max_pool2d(images, 3, block.stride, padding=int(block.stride == 1), ceil_mode=True)
