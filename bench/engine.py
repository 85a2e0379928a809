"""Compare the engine with the evaluation that a researcher would write: in turn, A B A B …, medians of ratios.

Run as `python -m bench.engine [ROUNDS]`. An evaluation's seconds are those that grow with the images: of the reference
its loop, of the engine indexing the dataset, laying out stored pixels, the forward passes and scoring. What both need
besides, to import libraries and load weights, is left out; what is left of it for a worker is a row of its own.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.images import find_photographs, lay_copies
from demo.words import draw_table, say
from evaluation.contract import CHUNK_IMAGES, DatasetSpec, EvaluationSpec, WeightsSpec
from evaluation.engine.job import name_chunk
from evaluation.engine.pipeline import draw_order
from evaluation.executor import Finished, Places, execute, start_waiting

# Until a waiting box has loaded its libraries.
WAIT_SECONDS = 10
# The images of the reference's batches, and how many make a batch whose bits do not depend on their number.
REFERENCE_BATCH, MULTIPLE = 64, 16
ROOT = Path(__file__).resolve().parent.parent
HEAD = ("engine", "median", "least – most", "target", "reached", "predictions")
Row = tuple[str, str, str, str, str, str]
Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Subject:
    """An architecture with its targets: ratios to the reference, and the share of the processor's floor.

    `copies` of the photographs make the evaluation long enough to be timed.
    """

    architecture: str
    copies: int
    eager: float | None
    auto: float
    floor: float | None


SUBJECTS = (
    Subject("torchvision/mobilenet_v3_small", 5, 3.6, 5.5, 0.35),
    Subject("torchvision/resnet18", 2, 1.7, 2.2, 0.95),
    Subject("torchvision/resnet50", 1, 2.1, 3.0, 0.90),
    Subject("timm/mobilenetv3_small_100", 5, None, 5.0, None),
)


@dataclass(frozen=True)
class Timing:
    """One evaluation: the seconds that grow with the images, those of the forward passes alone, and its logits."""

    evaluation: float
    forward: float
    logits: Logits


class Bench:
    """A subject's weights and images, and runs on them, each a process. `device`: the engine's, "cpu" or "cuda"."""

    def __init__(self, subject: Subject, photographs: Path, folder: Path, device: str = "cpu") -> None:
        self.subject, self.folder, self.device = subject, folder, device
        self.images = lay_copies(photographs, folder / "images", subject.copies)
        self.weights = folder / "weights.safetensors"
        classes = sum(1 for _ in self.images.iterdir())
        run("bench.weights", subject.architecture, str(classes), str(self.weights))

    def time_reference(self, workers: int = 4) -> Timing:
        """`workers`: of timm's loader."""
        logits = self.folder / "reference.npy"
        files = str(self.images), str(self.weights)
        output = run("bench.reference", *files, self.subject.architecture, str(logits), str(workers))
        seconds = json.loads(output.splitlines()[-1])["seconds"]
        return Timing(seconds, seconds, np.load(logits))

    def time_waited(self) -> float:
        """Return the seconds of a run besides its forward passes, as a worker does it: in a box that has waited."""
        has_gpu = self.device != "cpu"
        spare = start_waiting(self.folder / "spares", has_gpu=has_gpu, allow_open=True)
        time.sleep(WAIT_SECONDS)
        weights = WeightsSpec(str(self.weights), self.subject.architecture)
        spec = EvaluationSpec(weights, DatasetSpec(str(self.images)), device=self.device)
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            places = Places(Path(work), self.folder / "store")
            started = time.perf_counter()
            outcome = execute(
                spec,
                places,
                watch=lambda progress: True,
                timeout_seconds=600,
                allow_open=True,
                has_gpu=has_gpu,
                spare=spare,
            )
            seconds = time.perf_counter() - started
        assert isinstance(outcome, Finished), outcome
        return float(seconds - outcome.report.timing["seconds"]["forward"])

    def time_engine(self, forward: str) -> Timing:
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            spec, report = Path(work) / "spec.json", Path(work) / "report.json"
            weights = {"path": str(self.weights), "architecture": self.subject.architecture}
            wanted = {"weights": weights, "dataset": {"path": str(self.images)}, "forward": forward}
            spec.write_text(json.dumps(wanted | {"device": self.device}))
            store = ("--store", str(self.folder / "store"))
            run("evaluation.engine", "run", str(spec), "--output", str(report), "--work", work, *store)
            seconds = json.loads(report.read_text())["timing"]["seconds"]
            grows = seconds["preparing"] + seconds["forward"] + seconds["scoring"]
            return Timing(grows, seconds["forward"], read_logits(Path(work)))


def run(*arguments: str) -> str:
    """Run a module to its end and return its output."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"python -m {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def read_logits(work: Path) -> Logits:
    """Return the (N, classes) logits that a run left, in dataset order."""
    chunks = [np.load(path) for path in sorted((work / "predictions").glob("*.npy"))]
    assert len(chunks) == 1 or (len(chunks[0]) == CHUNK_IMAGES and (work / "predictions" / name_chunk(0)).exists())
    logits: Logits = np.concatenate(chunks)
    return logits[np.argsort(draw_order(len(logits), 0))]


def measure_subject(subject: Subject, photographs: Path, rounds: int) -> Iterator[Row]:
    """Yield the rows of one architecture."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(subject, photographs, Path(folder))
        # Fills the pixel store and the file cache for all.
        first, name = bench.time_engine("auto"), subject.architecture
        reference, eager, auto, floors, rest = [], [], [], [], []
        for _ in range(rounds):
            reference.append(bench.time_reference())
            auto.append(bench.time_engine("auto"))
            eager += [bench.time_engine("eager")] if subject.eager else []
            rest.append(bench.time_waited())
            floors += [measure_floor(name, len(first.logits))] if subject.floor else []
    than = "timm's validation" if subject.eager is None else "the reference"
    yield make_row(f"{name} against {than}", pair(reference, auto), subject.auto, compare_tops(reference, auto))
    if subject.eager:
        same = "identical bits" if has_same_bits(reference, eager) else "OTHER BITS"
        yield make_row(f"{name}, forward eager", pair(reference, eager), subject.eager, same)
    if subject.floor:
        shares = [100 * floor / timing.forward for floor, timing in zip(floors, auto, strict=True)]
        yield make_row(f"{name}, share of the floor", shares, 100 * subject.floor, "", unit=" %")
    yield make_row(f"{name}, a worker's run but for its forward passes", rest, 1, "", unit=" s", most=True)


def measure_floor(architecture: str, images: int) -> float:
    """Return the seconds that the images' operations take at the rate of a large matrix product."""
    found: dict[str, Any] = json.loads(run("bench.floor", architecture, "224"))
    return float(images * found["operations"] / found["rate"])


def pair(reference: list[Timing], engine: list[Timing]) -> list[float]:
    return [slow.evaluation / fast.evaluation for slow, fast in zip(reference, engine, strict=True)]


def compare_tops(reference: list[Timing], engine: list[Timing]) -> str:
    """Say how many images have another top-1 class, or another order of the first five."""
    expected, found = (np.argsort(-each[0].logits, axis=1, kind="stable")[:, :5] for each in (reference, engine))
    first, five = int((expected[:, 0] != found[:, 0]).sum()), int((expected != found).any(axis=1).sum())
    return f"{first} of {len(expected)} other top-1, {five} other top-5"


def has_same_bits(reference: list[Timing], engine: list[Timing]) -> bool:
    """Tell whether all logits are the same, save those of a last batch so small that the reference's own bits vary."""
    images = len(reference[0].logits)
    last = images % REFERENCE_BATCH
    compared = images - last if last < MULTIPLE else images
    return all(np.array_equal(reference[0].logits[:compared], timing.logits[:compared]) for timing in engine)


def make_row(
    what: str, values: list[float], target: float, predictions: str, *, unit: str = "×", most: bool = False
) -> Row:
    median = statistics.median(values)
    is_reached = median <= target if most else median >= target
    spread = f"{min(values):.2f} – {max(values):.2f}"
    sign = "≤" if most else "≥"
    return what, f"{median:.2f}{unit}", spread, f"{sign} {target:g}{unit}", "yes" if is_reached else "NO", predictions


def measure_store(photographs: Path, rounds: int) -> Row:
    """Return the row of building the pixel store, against one plain pass that decodes and resizes."""
    ratios = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            plain = float(run("bench.images", "decode", str(photographs)))
            ratios.append(float(run("bench.images", "store", str(photographs), folder)) / plain)
    return make_row("building the pixel store, against a plain pass", ratios, 1.1, "", most=True)


def measure(rounds: int, tell: Callable[[str], None] = say) -> list[Row]:
    """Return the rows of the table. Exits where the photographs are not there."""
    with tempfile.TemporaryDirectory() as folder:
        photographs = find_photographs(Path(folder))
        rows: list[Row] = []
        for subject in SUBJECTS:
            started = time.perf_counter()
            rows += measure_subject(subject, photographs, rounds)
            tell(f"  {subject.architecture}: {time.perf_counter() - started:.0f} s")
        return [*rows, measure_store(photographs, rounds)]


if __name__ == "__main__":
    say(draw_table(HEAD, measure(int(sys.argv[1]) if len(sys.argv) > 1 else 3)))
