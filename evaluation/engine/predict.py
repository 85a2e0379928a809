"""Pixels and weights to logits. Runs inside the box, on a stranger's file: it is given no labels and no names.

It is told what to do by a job file, and leaves one array a chunk of samples; chunks that are there are not done again.
"""

import json
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from evaluation.contract import ForwardMissing, InputFault, Progress
from evaluation.engine import architectures
from evaluation.engine.conveyor import Carrier, Logits, Pixels, Wait
from evaluation.engine.facts import measure_memory
from evaluation.engine.formats import Loaded
from evaluation.engine.forwards import rehearse
from evaluation.engine.job import Job, name_chunk
from evaluation.engine.predictor import Predictor
from evaluation.engine.whole import put_whole

# Seconds between two words of progress.
PAUSE = 0.3
FORWARD_FILE = "forward"
OTHER_CLASSES = "Submit weights made for these classes."
ONE_MORE = (
    "Declare the background class if it comes first; if a class has no images here, name all classes in outputs.txt."
)


def take(logits: Logits, classes: int, background: str) -> Logits:
    """Return (N, classes) logits without a declared background output.

    Raises: InputFault where they are not finite, or outputs and classes differ in number.
    """
    outputs, extra = logits.shape[1], int(background == "first")
    if outputs != classes + extra:
        if extra:
            hint = "It has no background class; declare none." if outputs == classes else OTHER_CLASSES
        else:
            hint = ONE_MORE if outputs == classes + 1 else OTHER_CLASSES
        raise InputFault(f"The network has {outputs} outputs where the dataset has {classes} classes. {hint}")
    if not np.isfinite(logits).all():
        raise InputFault("The network gives NaN or infinite scores; these weights cannot be evaluated.")
    return logits[:, extra:]


def tell(progress: Progress) -> None:
    print(progress.to_json(), flush=True)


def predict(carrier: Carrier, classes: int, wait: Wait = lambda images: None) -> None:
    """Write the logits of every chunk that is not there yet, and a note of what was loaded.

    `wait` returns once the pixels of so many images are there.
    """
    predictor, job = carrier.predictor, carrier.predictor.job
    # The images are only read from.
    warnings.filterwarnings("ignore", "The given NumPy array is not writable")
    pixels = np.load(job.pixels, mmap_mode="r", allow_pickle=False)
    folder, total = Path(job.predictions), len(pixels)
    if not predictor.facts:
        predictor.prepare(*pixels.shape[1:3])
    # As many images as are waited for in any case.
    first = pixels[: min(job.chunk, predictor.batch_size)]
    wait(len(first))
    begun, recalled = time.perf_counter(), recall_forward(folder)
    try:
        predictor.choose_forward(first, total, recalled or job.forward)
    except ForwardMissing:
        # What is pinned is the portal's to change; what an earlier attempt chose is given up with what it left.
        if job.forward != "auto":
            raise
        discard_chunks(folder)
        predictor.choose_forward(first, total, job.forward)
    choosing = time.perf_counter() - begun
    (folder / FORWARD_FILE).write_text(predictor.way.name)
    tell(Progress("predicting", 0, total, f"{describe(predictor.loaded)}, {predictor.way.name}"))
    begun, told = time.perf_counter(), 0.0
    for logits, end in predict_chunks(carrier, pixels, folder, wait):
        put(folder / name_chunk((end - 1) // job.chunk), take(logits, classes, job.background))
        if time.perf_counter() - told > PAUSE or end == total:
            told = time.perf_counter()
            tell(Progress("predicting", end, total))
    note = take_note(carrier, time.perf_counter() - begun) | {"choosing": choosing} | predictor.facts
    (folder / "note.json").write_text(json.dumps(note))


def predict_chunks(carrier: Carrier, pixels: Pixels, folder: Path, wait: Wait) -> Iterator[tuple[Logits, int]]:
    """Yield the (N, outputs) logits of each chunk that is missing in the folder, and where it ends."""
    predictor, total = carrier.predictor, len(pixels)
    chunk = predictor.job.chunk
    starts = [place * chunk for place in range(-(-total // chunk)) if not (folder / name_chunk(place)).exists()]
    spans = [(start, min(start + chunk, total)) for start in starts]
    if predictor.is_gpu:
        yield from zip(carrier.carry(pixels, spans, wait), (stop for _start, stop in spans), strict=True)
    else:
        for start, stop in spans:
            wait(stop)
            yield predictor.predict(pixels[start:stop]), stop


def recall_forward(folder: Path) -> str | None:
    """Return the forward of the chunks that an earlier attempt left, which the others must have too."""
    file = folder / FORWARD_FILE
    return file.read_text() if file.exists() and any(folder.glob("*.npy")) else None


def discard_chunks(folder: Path) -> None:
    for chunk in folder.glob("*.npy"):
        chunk.unlink()


def take_note(carrier: Carrier, seconds: float) -> dict[str, object]:
    predictor = carrier.predictor
    return {
        "parameters": predictor.loaded.parameters,
        "seconds": seconds,
        "batch_size": predictor.batch_size,
        "forward": predictor.way.name,
        "device": describe_device(predictor.loaded.device),
        "threads": torch.get_num_threads(),
        **({"cuda_graph": True} if carrier.is_recorded else {}),
        **measure_memory(predictor.loaded.device),
    }


def describe(loaded: Loaded) -> str:
    text = f"{loaded.parameters:,} parameters on {loaded.device.type}"
    return f"{text}; the file has {', '.join(loaded.layouts)}" if loaded.layouts else text


def put(target: Path, logits: Logits) -> None:
    """Put the array in place whole: a killed predictor leaves no half chunk."""
    with put_whole(target) as partial, partial.open("wb") as file:
        np.save(file, logits, allow_pickle=False)


def describe_device(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def main(family: str) -> None:
    """Load what takes seconds, then wait on standard input for the name of a job file, when the network is loaded for
    the number of classes, which says that the file of the pixels is there, and from then on for how many it holds.
    Where a line that is needed does not come, end.
    """
    for name in architectures.FAMILIES:
        if family in ("all", name):
            architectures.open_family(name)
    if family == "all":
        rehearse()
    if path := sys.stdin.readline().strip():
        torch.manual_seed(0)
        carrier = Carrier(Predictor(Job.read(Path(path))))
        if classes := sys.stdin.readline().strip():
            predict(carrier, int(classes), wait_for_pixels())


def wait_for_pixels() -> Wait:
    """Return what reads on until the other side has laid out so many images. Ends the process where it is gone."""
    laid = 0

    def wait(images: int) -> None:
        nonlocal laid
        while laid < images:
            laid = int(sys.stdin.readline() or sys.exit())

    return wait
