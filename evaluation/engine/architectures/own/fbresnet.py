"""FBResNet-152, the ResNet of fb.resnet.torch, whose convolutions have biases.

Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2015, table 1, with the stride
in the 3×3 convolution. Parameters are named as in Cadene's published file (fbresnet152-2e20f6b4.pth).
"""

import torch
from torch import nn
from torch.nn import functional

EXPANSION = 4
BLOCKS = (3, 8, 36, 3)


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions beside a shortcut, which is projected where the shape changes."""

    def __init__(self, inputs: int, filters: int, stride: int) -> None:
        super().__init__()
        outputs = filters * EXPANSION
        self.conv1, self.bn1 = nn.Conv2d(inputs, filters, 1), nn.BatchNorm2d(filters)
        self.conv2, self.bn2 = nn.Conv2d(filters, filters, 3, stride, padding=1), nn.BatchNorm2d(filters)
        self.conv3, self.bn3 = nn.Conv2d(filters, outputs, 1), nn.BatchNorm2d(outputs)
        changes = stride != 1 or inputs != outputs
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)) if changes else None
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = functional.relu(self.bn1(self.conv1(images)))
        out = functional.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return functional.relu(out + (images if self.downsample is None else self.downsample(images)))


class FBResNet(nn.Module):
    """(N, 3, H, W) images to (N, classes) logits."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, stride=2, padding=3), nn.BatchNorm2d(64)
        self.layer1 = stack(64, 64, BLOCKS[0], 1)
        self.layer2 = stack(256, 128, BLOCKS[1], 2)
        self.layer3 = stack(512, 256, BLOCKS[2], 2)
        self.layer4 = stack(1024, 512, BLOCKS[3], 2)
        self.last_linear = nn.Linear(2048, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = functional.relu(self.bn1(self.conv1(images)))
        out = functional.max_pool2d(out, 3, stride=2, padding=1)
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        logits: torch.Tensor = self.last_linear(out.mean(dim=(2, 3)))
        return logits


def stack(inputs: int, filters: int, blocks: int, stride: int) -> nn.Sequential:
    rest = (Bottleneck(filters * EXPANSION, filters, 1) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(inputs, filters, stride), *rest)
