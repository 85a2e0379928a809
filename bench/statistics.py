"""Time the statistics of a large board: 1,000 models that find the same samples hard, on 50,000 samples.

Run as `python -m bench.statistics`. In processor seconds of the one thread that works, which a busy machine does not
stretch as it does a clock's.
"""

import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from demo.words import draw_table, say
from evaluation.engine.bootstrap import align, draw_resamples
from evaluation.engine.dataset import Dataset, Sample
from evaluation.engine.evidence import write_evidence
from evaluation.engine.metrics.classification import judge
from evaluation.engine.ranks import compare_with, find_rank_intervals

MODELS, SAMPLES, ROUNDS = 1000, 50_000, 5
HEAD = ("statistics, 1,000 models × 50,000 samples", "median (least–most)", "target", "reached")
Row = tuple[str, str, str, str]


def draw_outcomes(skill: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Return (models, bytes) packed outcomes of models of these skills, in deviates of the samples' hardness."""
    random = np.random.default_rng(0)
    hardness = random.standard_normal(SAMPLES, np.float32)
    rows = (0.9 * hardness + 0.45 * random.standard_normal(SAMPLES, np.float32) < each for each in skill)
    return np.stack([np.packbits(row, bitorder="little") for row in rows])


def time_it(what: str, work: Callable[[], object], target_seconds: float) -> Row:
    work()
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        seconds.append(1000 * (time.process_time() - started))
    shown = f"{statistics.median(seconds):.1f} ms ({min(seconds):.1f}–{max(seconds):.1f})"
    is_reached = statistics.median(seconds) <= 1000 * target_seconds
    return what, shown, f"≤ {1000 * target_seconds:g} ms", "yes" if is_reached else "NO"


def weigh_evidence(samples: int = 4000, classes: int = 1000, target_bytes: int = 20) -> Row:
    """Return what the evidence of a network that is right on three of four images takes on disk, a sample."""
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, samples).astype(np.int32)
    logits = random.standard_normal((samples, classes), np.float32)
    logits[np.arange(samples), labels] += random.normal(5, 2, samples).astype(np.float32)
    names = tuple(map(str, range(classes)))
    with tempfile.TemporaryDirectory() as folder:
        images = tuple(Sample(name, 0, hashlib.sha256(name.encode()).hexdigest()) for name in map(str, range(samples)))
        dataset = Dataset(Path(folder), images, names, "sha256:0")
        write_evidence(Path(folder) / "evidence.npz", dataset, judge(logits, labels))
        size = (Path(folder) / "evidence.npz").stat().st_size / samples
    is_reached = size <= target_bytes
    return (
        f"evidence of {classes:,} classes, top five with scores",
        f"{size:.1f} bytes a sample",
        f"≤ {target_bytes} bytes",
        "yes" if is_reached else "NO",
    )


def measure() -> list[Row]:
    """Return a row of the table for each target."""
    # From 60 % to 85 % right, as a board has them; and 79 % to 81 %, where no pair can be told from the counts alone.
    board = draw_outcomes(np.linspace(0.25, 1.04, MODELS))
    close = draw_outcomes(np.linspace(0.806, 0.878, MODELS))
    words, resamples = align(close), draw_resamples(SAMPLES)
    newcomer = np.unpackbits(close[0], bitorder="little")[:SAMPLES].astype(bool)
    return [
        time_it("rank intervals from all pairs, a board as usual", lambda: find_rank_intervals(board), 0.75),
        time_it("rank intervals from all pairs, all models alike", lambda: find_rank_intervals(close), 0.75),
        time_it("one new model against 1,000, exact p values", lambda: compare_with(words[0], words), 0.004),
        time_it("bootstrap of one new model, 1,000 resamples", lambda: resamples.count_right(newcomer), 0.015),
        weigh_evidence(),
    ]


if __name__ == "__main__":
    say(draw_table(HEAD, measure()))
