"""The CIFAR ResNets.

Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2015, section 4.2: 3 stages of
n blocks with 16, 32, 64 filters, 6n+2 layers, option A shortcuts. Parameters are named as in the published files.
"""

import torch
from torch import nn
from torch.nn import functional

from evaluation.contract import InputFault

DEPTHS = {f"resnet{depth}": depth for depth in (20, 32, 44, 56, 110)}


class Block(nn.Module):
    """Two 3×3 convolutions and an option A shortcut: subsampled identity, new channels zero. It has no parameters."""

    def __init__(self, inputs: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.stride, self.padding = stride, (filters - inputs) // 2

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = functional.relu(self.bn1(self.conv1(images)))
        out = self.bn2(self.conv2(out))
        if self.stride != 1 or self.padding:
            pad = (0, 0, 0, 0, self.padding, self.padding)
            images = functional.pad(images[:, :, :: self.stride, :: self.stride], pad)
        return functional.relu(out + images)


class ResNet(nn.Module):
    """(N, 3, H, W) images to (N, classes) logits."""

    def __init__(self, depth: int, classes: int) -> None:
        super().__init__()
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = stack(16, 16, blocks, 1)
        self.layer2 = stack(16, 32, blocks, 2)
        self.layer3 = stack(32, 64, blocks, 2)
        self.linear = nn.Linear(64, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = functional.relu(self.bn1(self.conv1(images)))
        out = self.layer3(self.layer2(self.layer1(out)))
        out = functional.avg_pool2d(out, out.size()[3])
        logits: torch.Tensor = self.linear(out.flatten(1))
        return logits


def stack(inputs: int, filters: int, blocks: int, stride: int) -> nn.Sequential:
    rest = (Block(filters, filters, 1) for _ in range(blocks - 1))
    return nn.Sequential(Block(inputs, filters, stride), *rest)


def build(name: str, classes: int | None) -> nn.Module:
    """Raises: InputFault where there is no such depth."""
    if name not in DEPTHS:
        raise InputFault(f"There is no cifar/{name}; known are {', '.join(f'cifar/{known}' for known in DEPTHS)}.")
    return ResNet(DEPTHS[name], classes or 10)


def list_names() -> list[str]:
    return list(DEPTHS)
