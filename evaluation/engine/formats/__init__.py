"""Weights files to tensors, and tensors into the declared architecture."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from evaluation import recognition
from evaluation.contract import InputFault
from evaluation.engine import architectures
from evaluation.engine.formats.checkpoint import read_checkpoint
from evaluation.engine.formats.layouts import Tensors, adopt, unwrap
from evaluation.static_check import check

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Loaded:
    """A network ready to evaluate, where it runs, and what was changed in the file's layout to fit it."""

    module: nn.Module
    parameters: int
    device: torch.device
    layouts: tuple[str, ...] = ()
    # The file is a graph that ONNX Runtime runs, in whatever way its author exported it.
    is_graph: bool = False


def read_tensors(path: Path, kind: str) -> Tensors:
    """Return all tensors in the checked file. Raises: InputFault where it cannot be loaded."""
    try:
        if kind == "safetensors":
            return dict(load_file(path))
        return read_checkpoint(path)
    except InputFault:
        raise
    # What a broken file makes of these libraries is one of many errors; each is the file's fault.
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, RuntimeError, EOFError) as error:
        raise InputFault(f"The file cannot be loaded: {str(error).splitlines()[0][:200]}") from error
    except Exception as error:
        raise InputFault(
            f"The file cannot be loaded ({type(error).__name__}); save it again as a state dict."
        ) from error


def load(path: Path, architecture: str, device: torch.device = CPU) -> Loaded:
    """Return the network with the file's weights. Raises: InputFault where they do not fit the architecture."""
    if (verdict := check(path)).format == "onnx":
        # A GPU machine may hold torch alone.
        from evaluation.engine.formats.onnx import OnnxNetwork

        network = OnnxNetwork(path, device)
        return Loaded(network, verdict.parameters, network.device, is_graph=True)
    if rivals := recognition.find_rivals(verdict.shapes, architecture):
        raise InputFault(rivals)
    tensors = unwrap(read_tensors(path, verdict.format), architecture)
    check_finite(tensors)
    tensors, layouts = adopt(tensors, architecture)
    module = build_for(tensors, architecture)
    drop_auxiliary(module, tensors)
    compare(tensors, module, architecture)
    module.load_state_dict(tensors, strict=False)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return Loaded(module.eval().to(device).to(memory_format=torch.channels_last), parameters, device, layouts)


def check_finite(tensors: Tensors) -> None:
    """Raises: InputFault, naming the first tensor with NaN or infinity."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InputFault(f"The tensor {name} holds NaN or infinite values; these weights cannot be evaluated.")


def build_for(tensors: Tensors, architecture: str) -> nn.Module:
    """Return the network with a head as wide as the file's, its parameters yet to be overwritten."""
    module = architectures.build_uninitialised(architecture)
    published = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    classes = find_classes(tensors, published)
    return module if classes is None else architectures.build_uninitialised(architecture, classes)


def find_classes(tensors: Tensors, published: dict[str, tuple[int, ...]]) -> int | None:
    """Return the number of outputs of the file's head where it alone differs from the published one, else None."""
    different = {
        (shape[0], tensors[name].shape[0])
        for name, shape in published.items()
        if name in tensors and shape and tensors[name].ndim == len(shape) and tuple(tensors[name].shape) != shape
        if tuple(tensors[name].shape)[1:] == shape[1:]
    }
    return different.pop()[1] if len(different) == 1 else None


AUXILIARY_HEADS = {"AuxLogits": "aux_logits", "aux1": "aux_logits", "aux2": "aux_logits"}


def drop_auxiliary(module: nn.Module, tensors: Tensors) -> None:
    """Take the heads that only training uses off the network and out of the tensors."""
    for head, flag in AUXILIARY_HEADS.items():
        if hasattr(module, head) and hasattr(module, flag):
            setattr(module, head, None)
            setattr(module, flag, False)
            for name in [name for name in tensors if name.startswith(f"{head}.")]:
                del tensors[name]


def compare(tensors: Tensors, module: nn.Module, architecture: str) -> None:
    """Raises: InputFault with the first differences both ways and the architecture that would fit if there is one, or
    with the first tensor of integers where the network has floats.
    """
    state = module.state_dict()
    wanted = {name: tuple(tensor.shape) for name, tensor in state.items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if misfit := recognition.describe_misfit(given, wanted, architecture):
        raise InputFault(misfit + recognition.propose(given, architecture))
    # A quantised network multiplies integers by scales, without which they would be cast and scored.
    for name, tensor in tensors.items():
        if name in state and state[name].is_floating_point() and not tensor.is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            raise InputFault(f"The tensor {name} holds {kind} numbers; save it as float32.")
