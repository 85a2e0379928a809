"""The parts of a large evaluation to its one report, whoever computed them.

Merging needs neither the weights nor the images' pixels. It scores exactly as an unsplit run does: the parts' columns,
one after the other, are what a single run would have held.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.contract import EvaluationReport, EvaluationSpec, Progress
from evaluation.engine.child import Tell
from evaluation.engine.dataset import Dataset
from evaluation.engine.job import EngineTrouble
from evaluation.engine.metrics import choose
from evaluation.engine.outcomes import Part, join, pack_keys, read_part, restore_order
from evaluation.engine.pipeline import conclude, draw_order, prepare_dataset
from evaluation.engine.record import MEMORY

# What the parts' environments may differ in without the predictions being other ones.
MAY_DIFFER = ("batch_size", "cuda_graph", "threads", "box", *MEMORY)


def merge(spec: EvaluationSpec, paths: Sequence[Path], tell: Tell, evidence: Path | None = None) -> EvaluationReport:
    """Return the report of the whole run. Raises: EngineTrouble where the parts do not make up one."""
    tell(Progress("merging", 0, len(paths)))
    dataset = prepare_dataset(spec)
    labels = np.array([sample.label for sample in dataset.samples], np.int32)
    kind, order = choose(labels, spec.metrics), draw_order(len(dataset.samples), spec.order_seed)
    parts = sorted((read_part(path, kind) for path in paths), key=lambda part: part.start)
    check_cover(parts, len(order))
    check_facts(parts)
    check_samples(parts, dataset, order)
    outcomes = restore_order(join([part.outcomes for part in parts]), order)
    tell(Progress("merging", len(paths), len(paths)))
    return conclude(describe(parts, len(order)), spec, dataset, kind, labels, outcomes, evidence)


def check_cover(parts: Sequence[Part], samples: int) -> None:
    """Raises: EngineTrouble where an image is in no part, or in two."""
    reached = 0
    for part in parts:
        if part.start != reached or len(part.keys) != part.stop - part.start:
            raise EngineTrouble(f"the parts do not meet: one ends at {reached:,}, the next begins at {part.start:,}")
        reached = part.stop
    if reached != samples:
        raise EngineTrouble(f"the parts end at {reached:,} where the dataset has {samples:,} images")


def check_facts(parts: Sequence[Part]) -> None:
    """Raises: EngineTrouble where parts are of different weights, datasets, protocols or forward passes."""
    first = list_facts(parts[0].report)
    for part in parts:
        wrong = next((name for name, fact in list_facts(part.report).items() if fact != first[name]), None)
        if wrong is not None:
            raise EngineTrouble(f"the parts are of different evaluations: their {wrong} differ")


def list_facts(report: EvaluationReport) -> dict[str, object]:
    return {
        "weights": report.weights,
        "datasets": report.dataset["digest"],
        "protocols": report.protocol,
        "precisions": report.environment["precision"],
        "forward passes": report.environment.get("forward"),
    }


def check_samples(parts: Sequence[Part], dataset: Dataset, order: npt.NDArray[np.int64]) -> None:
    """Raises: EngineTrouble where a part's rows are of other images, as with another secret order."""
    expected = pack_keys([dataset.samples[place].sha256 for place in order])
    if not np.array_equal(np.concatenate([part.keys for part in parts]), expected):
        raise EngineTrouble("the parts are of different evaluations: their images are not in this run's order")


def describe(parts: Sequence[Part], samples: int) -> EvaluationReport:
    """Return the first part's record with times added up, and what the parts' environments differ in."""
    first, reports = parts[0].report, [part.report for part in parts]
    stages = first.timing["seconds"]
    seconds = {name: round(sum(report.timing["seconds"][name] for report in reports), 3) for name in stages}
    rate = samples / seconds["forward"] if seconds["forward"] else 0.0
    environment: dict[str, Any] = first.environment | {"parts": len(parts)}
    for name in first.environment.keys() & set(MEMORY):
        environment[name] = max(report.environment.get(name, 0) for report in reports)
    mixed = [
        name
        for name in first.environment
        if name not in MAY_DIFFER and any(report.environment.get(name) != first.environment[name] for report in reports)
    ]
    return replace(
        first,
        dataset={name: fact for name, fact in first.dataset.items() if name != "part"},
        environment=environment | ({"mixed": mixed} if mixed else {}),
        timing={"images_per_second": round(rate, 1), "seconds": seconds},
    )
