"""Pixels and weights to logits. Runs inside the box, on a stranger's file: it is given no labels and no names.

It is told what to do by a job file, and leaves one array a chunk of samples; chunks that are there are not done again.
"""

import json
import os
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from evaluation.contract import InputFault, Progress
from evaluation.engine.formats import Loaded, load
from evaluation.engine.job import Job, name_chunk

DEFAULT_BATCH = 64


def choose_device(name: str) -> torch.device:
    """Raises: InputFault where the named device is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputFault("There is no CUDA device here; use --device cpu or auto.")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise InputFault(f"The device {name!r} is unknown; use cpu, cuda or auto.") from error


def set_precision(precision: str) -> None:
    """Keep TF32 off unless it is asked for: scores are float32."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"


def normalise(pixels: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Return (B, 3, H, W) float32, channels last in memory, from (B, H, W, 3) uint8, in the reference's order."""
    return pixels.permute(0, 3, 1, 2).to(torch.float32).div_(255).sub_(mean).div_(std)


class Predictor:
    """A network on its device, fed with batches; halves the batch where memory runs out."""

    def __init__(self, job: Job) -> None:
        set_precision(job.precision)
        loaded = load(Path(job.weights), job.architecture, choose_device(job.device))
        self.job, self.loaded, self.module, self.device = job, loaded, loaded.module, loaded.device
        self.mean, self.std = (
            torch.tensor(values, dtype=torch.float32, device=self.device).view(1, 3, 1, 1)
            for values in (job.mean, job.std)
        )
        self.batch_size = job.batch_size or DEFAULT_BATCH

    @torch.inference_mode()
    def forward(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Return (B, outputs) float32 logits on the CPU."""
        images = normalise(torch.from_numpy(pixels).to(self.device), self.mean, self.std)
        half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self.job.precision)
        with torch.autocast(self.device.type, dtype=half, enabled=half is not None):
            logits = self.module(images)
        return check_logits(logits).to("cpu", torch.float32)

    def predict(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return (N, classes) logits of all these pixels."""
        parts, start = [], 0
        while start < len(pixels):
            try:
                parts.append(self.forward(np.array(pixels[start : start + self.batch_size])))
                start += self.batch_size
            except (MemoryError, RuntimeError) as error:
                if self.batch_size == 1 or not is_out_of_memory(error):
                    raise
                self.batch_size //= 2
        logits: npt.NDArray[np.float32] = torch.cat(parts).numpy()
        return fit_classes(logits, self.job)


# What the allocators say, which have no exception class of their own on a CPU.
OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "bad_alloc")


def is_out_of_memory(error: Exception) -> bool:
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or any(text in str(error) for text in OUT_OF_MEMORY)


def check_logits(logits: object) -> torch.Tensor:
    """Raises: InputFault where the network's output is not one row of finite numbers an image."""
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2:
        raise InputFault("The network does not give one row of class scores an image; it is no image classifier.")
    if not bool(torch.isfinite(logits).all()):
        raise InputFault("The network gives NaN or infinite scores; these weights cannot be evaluated.")
    return logits


def fit_classes(logits: npt.NDArray[np.float32], job: Job) -> npt.NDArray[np.float32]:
    """Drop a declared background output. Raises: InputFault where outputs and classes differ in number."""
    outputs, extra = logits.shape[1], int(job.background == "first")
    if outputs == job.classes + extra:
        return logits[:, extra:]
    hint = " Declare the background class that comes first." if outputs == job.classes + 1 else ""
    raise InputFault(f"The network has {outputs} outputs where the dataset has {job.classes} classes.{hint}")


def tell(progress: Progress) -> None:
    print(progress.to_json(), flush=True)


def predict(job: Job) -> None:
    """Write the logits of every chunk that is not there yet, and a note of what was loaded."""
    tell(Progress("loading"))
    pixels = np.load(job.pixels, mmap_mode="r", allow_pickle=False)
    folder, total = Path(job.predictions), len(pixels)
    predictor = Predictor(job)
    seconds, told = 0.0, 0.0
    tell(Progress("predicting", 0, total, describe(predictor.loaded)))
    for index, start in enumerate(range(0, total, job.chunk)):
        target = folder / name_chunk(index)
        if target.exists():
            continue
        end, begun = min(start + job.chunk, total), time.perf_counter()
        logits = predictor.predict(pixels[start:end])
        seconds += time.perf_counter() - begun
        put(target, logits)
        if time.monotonic() - told > 0.3 or end == total:
            told = time.monotonic()
            tell(Progress("predicting", end, total))
    note: dict[str, object] = {
        "parameters": predictor.loaded.parameters,
        "seconds": seconds,
        "batch_size": predictor.batch_size,
    }
    note |= {"device": describe_device(predictor.device), "threads": torch.get_num_threads()}
    (folder / "note.json").write_text(json.dumps(note))


def describe(loaded: Loaded) -> str:
    text = f"{loaded.parameters:,} parameters on {loaded.device.type}"
    return f"{text}; the file has {', '.join(loaded.layouts)}" if loaded.layouts else text


def put(target: Path, logits: npt.NDArray[np.float32]) -> None:
    """Put the array in place whole: a killed predictor leaves no half chunk."""
    partial = target.with_suffix(f".{os.getpid()}")
    with partial.open("wb") as file:
        np.save(file, logits.astype(np.float32), allow_pickle=False)
    partial.rename(target)


def describe_device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def main(path: str) -> None:
    job = Job.read(Path(path))
    torch.manual_seed(0)
    predict(job)
