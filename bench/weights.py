"""Write random weights, `python -m bench.weights ARCHITECTURE CLASSES FILE`; speed needs no trained ones.

The statistics of its normalisations and its last bias fit noise, so that no class wins for every image.
"""

import sys

import torch
from safetensors.torch import save_file
from torch import nn

from evaluation.engine.architectures import build


@torch.no_grad()
def write_weights(architecture: str, classes: int, file: str) -> None:
    torch.manual_seed(0)
    model, noise = build(architecture, classes).train(), torch.randn(16, 3, 96, 96)
    for _ in range(3):
        model(noise)
    head = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    head.bias.sub_(model.eval()(noise).mean(dim=0))
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, file)


if __name__ == "__main__":
    write_weights(sys.argv[1], int(sys.argv[2]), sys.argv[3])
