"""What is recorded of a network and its process besides the predictions: content, cost, memory. Runs inside the box."""

import hashlib
import resource
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def describe_network(module: nn.Module, height: int, width: int) -> dict[str, Any]:
    """Return the digest of the network's tensors, and its multiply-adds for one image of this size."""
    return {
        "content_sha256": digest_tensors(module.state_dict()),
        "multiply_adds": count_multiply_adds(module, height, width),
    }


def digest_tensors(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the digest of all that the tensors hold, whatever their names, order, layout in memory and file format.

    Empty where there are none. Counters of batches are left out: old files lack them, and evaluation reads them not.
    """
    digests = sorted(
        digest_tensor(tensor) for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")
    )
    return hashlib.sha256(b"".join(digests)).hexdigest() if digests else ""


def digest_tensor(tensor: torch.Tensor) -> bytes:
    plain = tensor.detach().cpu().contiguous()
    content = hashlib.sha256(f"{plain.dtype} {tuple(plain.shape)} ".encode())
    # As bytes, since numpy has not every type that a tensor can have.
    content.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return content.digest()


def count_multiply_adds(module: nn.Module, height: int, width: int) -> int | None:
    """Return the multiply-adds of one image's convolutions, matrix products and attentions, None where unknown.

    Only shapes go through the network, no numbers: a real pass takes seconds for a large one.
    """
    tensors = [*module.named_parameters(), *module.named_buffers()]
    shapes = {name: tensor.to("meta") for name, tensor in tensors}
    if not shapes:
        return None
    try:
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            torch.func.functional_call(module, shapes, (torch.empty(1, 3, height, width, device="meta"),))
    # Whatever a network does that needs numbers; it is evaluated all the same.
    except Exception:
        return None
    return int(counter.get_total_flops()) // 2


def measure_memory(device: torch.device) -> dict[str, int]:
    """Return the most memory that this process held so far, in bytes."""
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = {"peak_memory_bytes": unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
    if device.type == "cuda":
        peaks["peak_device_memory_bytes"] = torch.cuda.max_memory_allocated(device)
    return peaks
