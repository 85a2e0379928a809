"""The engine on a GPU: its loop against the forward of tensors that are there already, and against timm's validation.

Run as `python -m bench.gpu [ROUNDS [ARCHITECTURE …]]` on a machine with a GPU and the photographs of `bench.images`.
Everything is measured in turn, A B A B …. Pixels of the loop are noise, as many as an evaluation's; those of the
comparison are photographs, decoded by timm each time and by the engine once.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from bench.engine import HEAD, Bench, Row, Subject, Timing, compare_tops, make_row, pair
from bench.images import find_photographs
from bench.machine import name_processor
from demo.words import draw_table, say
from evaluation.engine.conveyor import Carrier, Pixels
from evaluation.engine.job import Job
from evaluation.engine.predict import predict_chunks, put, take
from evaluation.engine.predictor import Predictor

SIDE, CLASSES = 224, 200
PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow")


@dataclass(frozen=True)
class Case:
    """`images`: of noise, of which the loop takes some seconds."""

    architecture: str
    images: int


CASES = (Case("timm/mobilenetv3_small_100", 40_960), Case("timm/resnet18", 20_480), Case("timm/resnet50", 10_240))
COPIES = 25
# Of the loop, which takes seconds; a round of whole evaluations takes a minute.
LOOP_ROUNDS = 3
# Of timm's loader, with the target ratios.
WORKERS = ((4, 10), (16, 3))


def make_job(weights: Path, architecture: str, pixels: Path, predictions: Path, precision: str = "float32") -> Job:
    """Return the job of an evaluation on this GPU, as a worker's would be."""
    half = (0.5, 0.5, 0.5)
    places = str(weights), architecture, str(pixels), str(predictions)
    return Job(*places, SIDE, "none", half, half, "cuda", precision, "auto", None, 512)


def time_loop(carrier: Carrier, pixels: Pixels) -> float:
    """Return the images a second from pixels on the disk to logits on it."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        for logits, stop in predict_chunks(carrier, pixels, Path(folder), lambda images: None):
            put(Path(folder) / f"{stop:08}.npy", take(logits, CLASSES, "none"))
        return len(pixels) / (time.perf_counter() - begun)


@torch.inference_mode()
def time_forward(predictor: Predictor, images: int) -> float:
    """Return the images a second of the same forward alone, on normalised tensors of the device."""
    batch = torch.randn(predictor.batch_size, 3, SIDE, SIDE, device="cuda")
    batch = batch.contiguous(memory_format=predictor.way.layout)
    predictor.compute(batch)
    torch.cuda.synchronize()
    rounds, begun = images // len(batch), time.perf_counter()
    for _ in range(rounds):
        predictor.compute(batch)
    torch.cuda.synchronize()
    return rounds * len(batch) / (time.perf_counter() - begun)


def measure_loop(case: Case, weights: Path, pixels_file: Path) -> Iterator[Row]:
    """Yield the rows of the loop, in float32 as scores are, and in the other precisions."""
    with tempfile.TemporaryDirectory() as folder:
        job = make_job(weights, case.architecture, pixels_file, Path(folder))
        pixels = np.load(pixels_file, mmap_mode="r")[: case.images]
        predictor = Predictor(job)
        predictor.choose_forward(np.array(pixels[: predictor.batch_size]), case.images, "auto")
        carrier = Carrier(predictor)
        loops, forwards = [], []
        for _ in range(LOOP_ROUNDS):
            forwards.append(time_forward(predictor, case.images))
            loops.append(time_loop(carrier, pixels))
        shares = [100 * loop / forward for loop, forward in zip(loops, forwards, strict=True)]
        rate, plain = statistics.median(loops), statistics.median(forwards)
        recorded = ", launches recorded" if carrier.is_recorded else ""
        what = f"{rate:,.0f} against {plain:,.0f} images/s, {predictor.way.name}{recorded}"
        yield make_row(f"{case.architecture}, the loop's share of the forward rate", shares, 90, what, unit=" %")
        for precision in ("tf32", "bfloat16"):
            faster = Carrier(Predictor(replace(job, precision=precision)))
            ratios = [time_loop(faster, pixels) / rate for _ in range(LOOP_ROUNDS)]
            row = make_row(f"{case.architecture}, {precision} against float32", ratios, 0, "never ranked")
            yield (*row[:3], "–", "–", row[5])


def measure_timm(case: Case, bench: Bench, rounds: int) -> Iterator[Row]:
    """Yield the rows of whole evaluations against timm's validation, which computes in TF32."""
    # Fills the pixel store and the file cache for all.
    bench.time_engine("auto")
    engine, references = [], [list[Timing]() for _ in WORKERS]
    for _ in range(rounds):
        for timings, (workers, _target) in zip(references, WORKERS, strict=True):
            timings.append(bench.time_reference(workers))
        engine.append(bench.time_engine("auto"))
    for timings, (workers, target) in zip(references, WORKERS, strict=True):
        slow, fast = (statistics.median(timing.evaluation for timing in each) for each in (timings, engine))
        what = f"{slow:.2f} s against {fast:.2f} s; {compare_tops(timings, engine)}"
        yield make_row(
            f"{case.architecture} against timm's validation, -j {workers}", pair(timings, engine), target, what
        )


def measure_photographs(case: Case, photographs: Path, folder: Path) -> Iterator[Row]:
    """Yield the rows that tell whether GPU and CPU predict the same for the photographs, and what a short run costs."""
    timings, subject, name = [], Subject(case.architecture, 1, None, 0, None), case.architecture
    for device, forward in (("cpu", "eager"), ("cuda", "auto")):
        place = folder / device
        place.mkdir()
        bench = Bench(subject, photographs, place, device)
        timings.append(bench.time_engine(forward))
    ratio = make_row(
        f"{name}, an evaluation of {len(timings[0].logits)} against the CPU's", pair(timings[:1], timings[1:]), 0, ""
    )
    yield (*ratio[:3], "–", "–", compare_tops(timings[:1], timings[1:]))
    yield make_row(
        f"{name}, a worker's run but for its forward passes", [bench.time_waited()], 1, "", unit=" s", most=True
    )


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("No CUDA device is here; python -m bench.engine measures on the CPU.")
    rounds, wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 3, sys.argv[2:]
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    say(f"{torch.cuda.get_device_name()}; {name_processor()}, {os.cpu_count()} cores; {packages}; {rounds} rounds\n")
    with tempfile.TemporaryDirectory() as folder:
        photographs = find_photographs(Path(folder) / "photographs")
        pixels = Path(folder) / "pixels.npy"
        noise = np.random.default_rng(0).integers(0, 256, (512, SIDE, SIDE, 3), np.uint8)
        np.save(pixels, np.concatenate([noise] * (max(case.images for case in CASES) // len(noise))))
        for case in CASES:
            if wanted and case.architecture not in wanted:
                continue
            place = Path(folder) / case.architecture.replace("/", "-")
            place.mkdir()
            bench = Bench(Subject(case.architecture, COPIES, None, 0, None), photographs, place, "cuda")
            rows = list(measure_loop(case, bench.weights, pixels))
            rows += measure_photographs(case, photographs, place)
            rows += measure_timm(case, bench, rounds)
            say(draw_table(HEAD, rows))


if __name__ == "__main__":
    main()
