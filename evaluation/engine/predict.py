"""Pixels and weights to logits. Runs inside the box, on a stranger's file: it is given no labels and no names.

It is told what to do by a job file, and leaves one array a chunk of samples; chunks that are there are not done again.
"""

import json
import os
import sys
import time
import warnings
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from evaluation.contract import ForwardMissing, InputFault, Progress
from evaluation.engine import architectures
from evaluation.engine.facts import describe_network, measure_memory
from evaluation.engine.formats import Loaded, load
from evaluation.engine.forwards import MEASURED_FROM, TRIED, Forward, choose, export_early, rehearse
from evaluation.engine.job import Job, name_chunk

# On a CPU more images at once are no faster; a GPU takes a whole chunk, or half of it, … as its memory allows.
DEFAULT_BATCHES = (64, 512)
MULTIPLE = 16
CALIBRATION_BATCH = 64
# Seconds between two words of progress.
PAUSE = 0.3
FORWARD_FILE = "forward"


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


def normalise(
    pixels: torch.Tensor, mean: torch.Tensor, std: torch.Tensor, into: torch.Tensor | None = None
) -> torch.Tensor:
    """Return (B, 3, H, W) float32 from (B, H, W, 3) uint8, in the reference's order of operations."""
    images = pixels.permute(0, 3, 1, 2)
    return (images.to(torch.float32) if into is None else into.copy_(images)).div_(255).sub_(mean).div_(std)


class Predictor:
    """A network on its device, fed with batches; halves the batch where memory runs out.

    A batch is filled up to a multiple of `MULTIPLE`: from there on the libraries compute each image with the same
    operations in the same order, so that its logits are the same to the bit whatever else is in its batch. Only where
    memory does not hold so many images do batches get smaller, and last bits may differ.
    """

    def __init__(self, job: Job) -> None:
        set_precision(job.precision)
        loaded = load(Path(job.weights), job.architecture, choose_device(job.device))
        self.job, self.loaded, self.device = job, loaded, loaded.device
        self.mean, self.std = (
            torch.tensor(values, dtype=torch.float32, device=self.device).view(1, 3, 1, 1)
            for values in (job.mean, job.std)
        )
        self.batch_size = fill(job.batch_size or DEFAULT_BATCHES[self.device.type == "cuda"], MULTIPLE)
        self.buffers: dict[tuple[torch.Size, torch.memory_format], torch.Tensor] = {}
        # Until one is chosen: what every device and precision can do.
        self.way = Forward("onnxruntime" if loaded.is_graph else "channels_last", loaded.module)
        self.has_choice = job.precision == "float32" and not loaded.is_graph
        self.facts: dict[str, object] = {}
        self.exported: Forward | None = None
        if job.side is not None:
            self.prepare(job.side, job.side)

    def prepare(self, height: int, width: int) -> None:
        """Do what needs the size of the images and not yet themselves."""
        self.facts = describe_network(self.loaded.module, height, width)
        if self.has_choice:
            images = torch.zeros((2, 3, height, width), device=self.device)
            self.exported = export_early(self.loaded.module, images, self.job.forward)

    def choose_forward(self, pixels: npt.NDArray[np.uint8], samples: int, wanted: str) -> None:
        """Choose how to run the network, on the first pixels of `samples`. Raises: ForwardMissing."""
        if self.has_choice:
            count = CALIBRATION_BATCH if samples >= MEASURED_FROM else TRIED
            images = self.upload(pixels[: min(self.batch_size, count)])
            self.way = choose(self.loaded.module, images, wanted, samples, self.exported)

    def upload(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Return the normalised images of one batch on the device, filled up with the last of them."""
        count = fill(len(pixels), min(MULTIPLE, self.batch_size))
        is_gpu = self.device.type == "cuda"
        if count == len(pixels) and not is_gpu:
            batch = torch.from_numpy(pixels)
        else:
            batch = torch.empty((count, *pixels.shape[1:]), dtype=torch.uint8, pin_memory=is_gpu)
            array = batch.numpy()
            array[: len(pixels)], array[len(pixels) :] = pixels, pixels[-1]
        # From pinned memory the copy goes on while the device computes the batch before.
        there = batch.to(self.device, non_blocking=True)
        height, width = pixels.shape[1:3]
        return normalise(there, self.mean, self.std, self.lend_buffer(torch.Size((count, 3, height, width))))

    def lend_buffer(self, shape: torch.Size) -> torch.Tensor:
        """Return a float32 tensor in the forward's memory layout, the same for every batch of a shape.

        New memory costs more than what is written into it.
        """
        key = (shape, self.way.layout)
        if key not in self.buffers:
            self.buffers = {key: torch.empty(shape, device=self.device, memory_format=self.way.layout)}
        return self.buffers[key]

    @torch.inference_mode()
    def forward(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Return (B, outputs) logits, still on the device."""
        half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self.job.precision)
        with torch.autocast(self.device.type, dtype=half, enabled=half is not None):
            logits = self.way.run(self.upload(pixels))
        return check_rows(logits)[: len(pixels)]

    def predict(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Return (N, outputs) logits of all these pixels, still on the device: a GPU has not been waited for."""
        parts, start = [], 0
        while start < len(pixels):
            try:
                parts.append(self.forward(pixels[start : start + self.batch_size]))
                start += self.batch_size
            except (MemoryError, RuntimeError) as error:
                if self.batch_size == 1 or not is_out_of_memory(error):
                    raise
                self.batch_size //= 2
        return torch.cat(parts)


def fill(count: int, multiple: int) -> int:
    """Return the least multiple that is no less than the count."""
    return -(-count // multiple) * multiple


# What the allocators say, which have no exception class of their own on a CPU.
OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "bad_alloc")


def is_out_of_memory(error: Exception) -> bool:
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or any(text in str(error) for text in OUT_OF_MEMORY)


def check_rows(logits: object) -> torch.Tensor:
    """Raises: InputFault where the network's output is not one row of scores an image."""
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2:
        raise InputFault("The network does not give one row of class scores an image; it is no image classifier.")
    return logits


def check_finite(logits: torch.Tensor) -> torch.Tensor:
    """Raises: InputFault."""
    if not bool(torch.isfinite(logits).all()):
        raise InputFault("The network gives NaN or infinite scores; these weights cannot be evaluated.")
    return logits


def take(logits: torch.Tensor, classes: int, background: str) -> npt.NDArray[np.float32]:
    """Return (N, classes) logits in the memory of the host, without a declared background output.

    Raises: InputFault where they are not finite, or outputs and classes differ in number.
    """
    outputs, extra = logits.shape[1], int(background == "first")
    if outputs == classes + extra:
        return check_finite(logits.to("cpu", torch.float32)).numpy()[:, extra:]
    is_one_more = outputs == classes + 1
    hint = "Declare the background class that comes first." if is_one_more else "Submit weights made for these classes."
    raise InputFault(f"The network has {outputs} outputs where the dataset has {classes} classes. {hint}")


def tell(progress: Progress) -> None:
    print(progress.to_json(), flush=True)


def predict(predictor: Predictor, classes: int) -> None:
    """Write the logits of every chunk that is not there yet, and a note of what was loaded."""
    job = predictor.job
    # The images are only read from.
    warnings.filterwarnings("ignore", "The given NumPy array is not writable")
    pixels = np.load(job.pixels, mmap_mode="r", allow_pickle=False)
    folder, total = Path(job.predictions), len(pixels)
    if not predictor.facts:
        predictor.prepare(*pixels.shape[1:3])
    begun, recalled = time.perf_counter(), recall_forward(folder)
    try:
        predictor.choose_forward(pixels, total, recalled or job.forward)
    except ForwardMissing:
        # What is pinned is the portal's to change; what an earlier attempt chose is given up with what it left.
        if job.forward != "auto":
            raise
        discard_chunks(folder)
        predictor.choose_forward(pixels, total, job.forward)
    choosing = time.perf_counter() - begun
    (folder / FORWARD_FILE).write_text(predictor.way.name)
    tell(Progress("predicting", 0, total, f"{describe(predictor.loaded)}, {predictor.way.name}"))
    begun, told = time.perf_counter(), 0.0
    for logits, end in predict_chunks(predictor, pixels, folder):
        put(folder / name_chunk((end - 1) // job.chunk), take(logits, classes, job.background))
        if time.perf_counter() - told > PAUSE or end == total:
            told = time.perf_counter()
            tell(Progress("predicting", end, total))
    note = take_note(predictor, time.perf_counter() - begun) | {"choosing": choosing} | predictor.facts
    (folder / "note.json").write_text(json.dumps(note))


def predict_chunks(
    predictor: Predictor, pixels: npt.NDArray[np.uint8], folder: Path
) -> Iterator[tuple[torch.Tensor, int]]:
    """Yield the logits of each chunk that is missing in the folder, and where it ends.

    A GPU has the next chunk to work on before it is waited for; on a CPU, which would keep finished chunks waiting,
    each comes at once.
    """
    ahead, running = int(predictor.device.type == "cuda"), deque[tuple[torch.Tensor, int]]()
    for index, start in enumerate(range(0, len(pixels), predictor.job.chunk)):
        if (folder / name_chunk(index)).exists():
            continue
        end = min(start + predictor.job.chunk, len(pixels))
        running.append((predictor.predict(pixels[start:end]), end))
        if len(running) > ahead:
            yield running.popleft()
    yield from running


def recall_forward(folder: Path) -> str | None:
    """Return the forward of the chunks that an earlier attempt left, which the others must have too."""
    file = folder / FORWARD_FILE
    return file.read_text() if file.exists() and any(folder.glob("*.npy")) else None


def discard_chunks(folder: Path) -> None:
    for chunk in folder.glob("*.npy"):
        chunk.unlink()


def take_note(predictor: Predictor, seconds: float) -> dict[str, object]:
    return {
        "parameters": predictor.loaded.parameters,
        "seconds": seconds,
        "batch_size": predictor.batch_size,
        "forward": predictor.way.name,
        "device": describe_device(predictor.device),
        "threads": torch.get_num_threads(),
        **measure_memory(predictor.device),
    }


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


def main(family: str) -> None:
    """Load what takes seconds, then wait on standard input for the name of a job file, and when the network is loaded
    for the number of classes, which says that the pixels are there. Where either does not come, end.
    """
    for name in architectures.FAMILIES:
        if family in ("all", name):
            architectures.open_family(name)
    if family == "all":
        rehearse()
    if path := sys.stdin.readline().strip():
        torch.manual_seed(0)
        predictor = Predictor(Job.read(Path(path)))
        if classes := sys.stdin.readline().strip():
            predict(predictor, int(classes))
