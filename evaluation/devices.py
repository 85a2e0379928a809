"""What this machine computes on, asked without importing torch. Standard library only."""

import functools
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from evaluation import sandbox

logger = logging.getLogger(__name__)
ASK_SECONDS = 60
ASK_TORCH = "import torch; [print(torch.cuda.get_device_name(n)) for n in range(torch.cuda.device_count())]"


@dataclass(frozen=True)
class Device:
    """`kind`: "cpu" or "gpu"."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


@functools.cache
def find_devices(wanted: str = "auto") -> tuple[Device, ...]:
    """Return the GPUs that a box can use, unless only the CPU is `wanted`, and the CPU."""
    names = find_gpus() if wanted == "auto" else []
    trouble = sandbox.find_gpu_trouble() if names else ""
    if trouble:
        logger.warning("The GPU is left alone, as a process in the box cannot use it: %s", trouble)
        names = []
    return (*(Device("gpu", name) for name in names), Device("cpu", f"{os.cpu_count()} cores"))


def has_gpu(wanted: str = "auto") -> bool:
    return any(device.kind == "gpu" for device in find_devices(wanted))


def find_gpus() -> list[str]:
    """Return the names of the GPUs: those that the driver's own tool lists, else those that torch sees."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return []
    if shutil.which("nvidia-smi"):
        return ask(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"])
    # Torch takes seconds to import, so it is asked, in a child, only where there is a driver at all.
    return ask([sys.executable, "-c", ASK_TORCH]) if Path("/dev/nvidia0").exists() else []


def ask(command: list[str]) -> list[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []
