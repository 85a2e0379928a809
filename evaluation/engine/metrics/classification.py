"""Single-label classification: top-k accuracy.

The rule for ties: among equal logits the lower class index comes first. It makes scores independent of the sorting
routine, the batch size and the device.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.contract import InputFault, Score
from evaluation.engine.statistics import wilson

DIMENSIONS = 1
LABELS = "one label an image"
DEFAULTS: tuple[str, ...] = ("top1", "top5")
COLUMNS: tuple[str, ...] = ("top", "score", "rank", "margin")

TOP = 5
MATRIX_CLASSES = 100
PAIRS_SHOWN = 50


@dataclass(frozen=True)
class Outcomes:
    """What the logits say of each of N samples. `rank` is the correct class's, from 0; `margin` its lead in logits."""

    top: npt.NDArray[np.int32]  # (N, k) class indices, best first
    scores: npt.NDArray[np.float32]  # (N, k) their softmax probabilities
    rank: npt.NDArray[np.int32]  # (N,)
    margin: npt.NDArray[np.float32]  # (N,)

    def to_columns(self, classes: int) -> dict[str, npt.NDArray[np.generic]]:
        """Return at most 25 bytes a sample; probabilities are in 1/65535."""
        return {
            "top": self.top.astype(np.uint8 if classes <= 256 else np.uint16),
            "score": np.rint(self.scores * 65535).astype(np.uint16),
            "rank": np.minimum(self.rank, 65535).astype(np.uint16),
            "margin": self.margin.astype(np.float32),
        }

    def find_right(self, key: str) -> npt.NDArray[np.bool_]:
        return self.rank < find_depth(key)


def knows(key: str) -> bool:
    return find_depth(key) > 0


def find_depth(key: str) -> int:
    """Return k of `topk`, 0 where the key is none."""
    depth = key.removeprefix("top")
    return int(depth) if key.startswith("top") and depth.isdecimal() else 0


def judge(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> Outcomes:
    """Return the outcomes of (N, C) logits against (N,) labels."""
    samples, classes = logits.shape
    rows, k = np.arange(samples), min(TOP, classes)
    own = logits[rows, labels]
    ahead = (logits > own[:, None]) | ((logits == own[:, None]) & (np.arange(classes) < labels[:, None]))
    rest = logits.copy()
    top = np.empty((samples, k), np.int32)
    for place in range(k):
        # argmax returns the first of equal values, which is the rule for ties.
        top[:, place] = rest.argmax(axis=1)
        rest[rows, top[:, place]] = -np.inf
    others = logits.copy()
    others[rows, labels] = -np.inf
    margin = own - others.max(axis=1) if classes > 1 else np.zeros(samples, np.float32)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = np.take_along_axis(powers, top, axis=1) / powers.sum(axis=1, keepdims=True)
    return Outcomes(top, probabilities.astype(np.float32), ahead.sum(axis=1, dtype=np.int32), margin.astype(np.float32))


def score(outcomes: Outcomes, keys: tuple[str, ...]) -> dict[str, Score]:
    """Return top-k accuracies in percent with Wilson intervals. Raises: InputFault for a metric that is not top-k."""
    scores, total = {}, len(outcomes.rank)
    for key in keys:
        if not knows(key):
            raise InputFault(f"The metric {key!r} is unknown for classification; use top1, top5.")
        correct = int(outcomes.find_right(key).sum())
        low, high = wilson(correct, total)
        scores[key] = Score(100 * correct / total, 100 * low, 100 * high, correct, total)
    return scores


def analyse(outcomes: Outcomes, labels: npt.NDArray[np.int32], names: tuple[str, ...]) -> dict[str, Any]:
    """Return per-class accuracy, where it fails, and how far its probabilities can be trusted."""
    classes, first = len(names), outcomes.top[:, 0]
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, first), 1)
    totals, correct = matrix.sum(axis=1), matrix.diagonal()
    per_class = [
        {
            "name": name,
            "correct": int(right),
            "total": int(total),
            "accuracy": round(100 * int(right) / max(1, int(total)), 3),
        }
        for name, right, total in zip(names, correct, totals, strict=True)
    ]
    analysis: dict[str, Any] = {"per_class": per_class, "calibration_error": calibrate(outcomes)}
    if classes <= MATRIX_CLASSES:
        analysis["confusion"] = matrix.tolist()
    wrong = matrix - np.diag(correct)
    worst = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS_SHOWN]
    pairs = [divmod(int(flat), classes) for flat in worst]
    analysis["confused"] = [
        {"true": names[t], "predicted": names[p], "count": int(wrong[t, p])} for t, p in pairs if wrong[t, p]
    ]
    return analysis


def calibrate(outcomes: Outcomes, bins: int = 15) -> float:
    """Return the expected calibration error in percent, over equal-width bins of the top probability.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", 2017.
    """
    confidence, right = outcomes.scores[:, 0].astype(np.float64), outcomes.rank == 0
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(places, confidence - right, minlength=bins)
    return round(100 * float(np.abs(gaps).sum()) / len(right), 4)
