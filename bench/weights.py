"""Write random weights, `python -m bench.weights ARCHITECTURE CLASSES FILE`; speed needs no trained ones."""

import sys

import torch
from safetensors.torch import save_file
from torchvision.models import get_model


def write_weights(architecture: str, classes: int, file: str) -> None:
    torch.manual_seed(0)
    model = get_model(architecture.partition("/")[2], num_classes=classes)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, file)


if __name__ == "__main__":
    write_weights(sys.argv[1], int(sys.argv[2]), sys.argv[3])
