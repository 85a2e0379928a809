"""Compare the engine with the reference evaluation on this machine: A B A B …, medians of whole processes.

Run as `python -m bench [ROUNDS]`. The photographs are a tar of class folders beside the checkout.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.words import draw_table, say

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT.parent / "shared" / "data" / "imagenet-sample" / "images.tar"
ARCHITECTURES = ("torchvision/mobilenet_v3_small", "torchvision/resnet18", "torchvision/resnet50")
PROTOCOL = ("--resize", "256", "--crop", "224")


@dataclass(frozen=True)
class Timing:
    """One process: its wall time, and what it says its evaluation took, in seconds; and what it counted."""

    wall: float
    evaluation: float
    counts: tuple[int, int]


def run(*arguments: str) -> tuple[float, str]:
    """Run python to its end and return its seconds and its output."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"python -m {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - started, done.stdout


def time_reference(images: Path, weights: Path, architecture: str) -> Timing:
    wall, output = run("bench.reference", str(images), str(weights), architecture)
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return Timing(wall, found["seconds"], (found["top1"], found["top5"]))


def time_engine(images: Path, weights: Path, architecture: str) -> Timing:
    report = weights.with_suffix(".json")
    arguments = ("--dataset", str(images), "--weights", str(weights), "--architecture", architecture)
    wall, _ = run("evaluation.engine", "evaluate", *arguments, *PROTOCOL, "--output", str(report))
    found: dict[str, Any] = json.loads(report.read_text())
    counts = tuple(found["metrics"][key]["correct"] for key in ("top1", "top5"))
    return Timing(wall, found["timing"]["seconds"]["total"], (counts[0], counts[1]))


def compare(architecture: str, images: Path, folder: Path, rounds: int) -> tuple[str, ...]:
    """Return one row of the table."""
    weights = folder / f"{architecture.partition('/')[2]}.safetensors"
    classes = sum(1 for _ in images.iterdir())
    run("bench.weights", architecture, str(classes), str(weights))
    reference, engine = [], []
    for _ in range(rounds):
        reference.append(time_reference(images, weights, architecture))
        engine.append(time_engine(images, weights, architecture))
    same = {timing.counts for timing in reference + engine}
    return (
        architecture,
        describe([timing.evaluation for timing in reference]),
        describe([timing.evaluation for timing in engine]),
        ratio([t.evaluation for t in reference], [t.evaluation for t in engine]),
        ratio([t.wall for t in reference], [t.wall for t in engine]),
        "identical" if len(same) == 1 else f"DIFFERENT {sorted(same)}",
    )


def describe(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f}–{max(seconds):.2f})"


def ratio(slow: list[float], fast: list[float]) -> str:
    return f"{statistics.median(slow) / statistics.median(fast):.2f}×"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    if not IMAGES.exists():
        sys.exit(f"The photographs to measure with are not there: {IMAGES} (a tar of class folders).")
    say(f"{platform.machine()}, {os.cpu_count()} cores, {rounds} rounds, median (least–most)\n")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with tarfile.open(IMAGES) as tar:
            tar.extractall(folder / "images", filter="data")
        images = find_class_folders(folder / "images")
        rows = [compare(architecture, images, folder, rounds) for architecture in ARCHITECTURES]
    head = ("architecture", "reference", "engine", "ratio", "ratio of whole processes", "top-1, top-5")
    say(draw_table(head, rows))


def find_class_folders(folder: Path) -> Path:
    """Return the folder that holds the class folders, below any folder that holds nothing else."""
    while len(inside := list(folder.iterdir())) == 1 and inside[0].is_dir():
        folder = inside[0]
    return folder


if __name__ == "__main__":
    main()
