"""What is recorded of an evaluation besides its scores: where and with what it ran, and how long that took."""

import json
import platform
import re
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from evaluation.contract import FORWARDS, EvaluationSpec, Protocol
from evaluation.engine.dataset import Dataset
from evaluation.engine.job import EngineTrouble
from evaluation.engine.pixels import digest_pixels

# What the predictor's process held at its greatest, on a GPU there too.
MEMORY = ("peak_memory_bytes", "peak_device_memory_bytes")
PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "safetensors", "onnxruntime")


def read_note(predictions: Path) -> dict[str, Any]:
    """Return what the predictor noted. What it wrote is checked, not believed. Raises: EngineTrouble."""
    try:
        note = json.loads((predictions / "note.json").read_text())
        return {
            "parameters": int(note["parameters"]),
            "seconds": float(note["seconds"]),
            "choosing": float(note["choosing"]),
            "batch_size": int(note["batch_size"]),
            "forward": FORWARDS[FORWARDS.index(note["forward"])],
            "device": str(note["device"])[:100],
            "threads": int(note["threads"]),
            "content_sha256": read_digest(note["content_sha256"]),
            "multiply_adds": None if note["multiply_adds"] is None else int(note["multiply_adds"]),
            "cuda_graph": note.get("cuda_graph") is True,
            **{name: int(note[name]) for name in MEMORY if name in note},
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineTrouble(f"the predictor left no readable note: {error}") from error


def read_digest(text: object) -> str:
    """Raises: ValueError where this is no sha256; none at all is allowed."""
    if not re.fullmatch("([0-9a-f]{64})?", str(text)):
        raise ValueError("no digest")
    return str(text)


def describe_dataset(dataset: Dataset, protocol: Protocol, store: Path) -> dict[str, Any]:
    facts = {"samples": len(dataset.samples), "classes": len(dataset.class_names), "digest": dataset.digest}
    pixels = digest_pixels(dataset, protocol, store)
    return facts | ({"pixels_digest": pixels} if pixels else {})


def describe_environment(spec: EvaluationSpec, note: dict[str, Any]) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {name: found for name in PACKAGES if (found := find_version(name))},
        "device": note["device"],
        "threads": note["threads"],
        "batch_size": note["batch_size"],
        "forward": note["forward"],
        "precision": spec.precision,
        **({"cuda_graph": True} if note["cuda_graph"] else {}),
        **{name: note[name] for name in MEMORY if name in note},
        "box": Path(spec.box[0]).name if spec.box else "none",
    }


def find_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def measure(clock: dict[str, float], note: dict[str, Any], samples: int) -> dict[str, Any]:
    """Return the rate, and the seconds of each stage; choosing a forward and running it are part of predicting."""
    now = time.perf_counter()
    seconds = {
        "preparing": clock["prepared"] - clock["started"],
        "predicting": clock["predicted"] - clock["prepared"],
        "choosing": note["choosing"],
        "forward": note["seconds"],
        "scoring": now - clock["predicted"],
        "total": now - clock["started"],
    }
    rate = samples / note["seconds"] if note["seconds"] else 0.0
    return {"images_per_second": round(rate, 1), "seconds": {name: round(value, 3) for name, value in seconds.items()}}
