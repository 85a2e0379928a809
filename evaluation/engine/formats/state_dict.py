"""The state dict inside a checkpoint: wrappers and prefixes that training scripts leave around it."""

from typing import Any

import torch

from evaluation.contract import InputFault
from evaluation.layouts import MAX_DEPTH, WRAPPERS, find_prefix


def is_state_dict(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(item, torch.Tensor) for item in value.values())


def unwrap(checkpoint: Any) -> dict[str, torch.Tensor]:
    """Return the tensors by name, without wrappers and prefixes. Raises: InputFault where there is no state dict."""
    for _ in range(MAX_DEPTH):
        if is_state_dict(checkpoint):
            return strip_prefixes({str(key): value for key, value in checkpoint.items()})
        if not isinstance(checkpoint, dict):
            break
        inner = next((checkpoint[name] for name in WRAPPERS if isinstance(checkpoint.get(name), dict)), None)
        if inner is None:
            break
        checkpoint = inner
    found = ", ".join(map(str, list(checkpoint)[:5])) if isinstance(checkpoint, dict) else type(checkpoint).__name__
    raise InputFault(
        f"The file holds no state dict (found: {found or 'nothing'});"
        " save one with torch.save(model.state_dict(), FILE)."
    )


def strip_prefixes(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Take off what wrappers such as DataParallel and torch.compile put before every name."""
    prefix = find_prefix(tensors)
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
