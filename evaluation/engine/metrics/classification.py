"""Single-label classification: top-k accuracy.

The rule for ties: among equal logits the lower class index comes first. It makes scores independent of the sorting
routine, the batch size and the device.

The rule for near ties: a sample is one where the best logit leads the second by at most 64 units in the last place of
the sample's largest logit (2^-17 of its magnitude), which another order of float32 sums can turn over. They are counted
and told with the score; the order that the network's own numbers give decides them.
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
# No dataset has as many classes as ten digits say, and of thousands of digits Python makes no number.
LONGEST_DEPTH = 10
MATRIX_CLASSES = 100
PAIRS_SHOWN = 50
# The largest number of the margins' stored type.
GREATEST = float(np.finfo(np.float16).max)
NEAR_TIE = 2.0**-17
MISTAKES_SHOWN = 24


@dataclass(frozen=True)
class Outcomes:
    """What the logits say of each of N samples.

    `rank` is the correct class's, from 0; `margin` its lead in logits. `lead`: the best class's before the second, as a
    share of the greatest logit's magnitude.
    """

    top: npt.NDArray[np.int32]  # (N, k) class indices, best first
    scores: npt.NDArray[np.float32]  # (N, k) their softmax probabilities
    rank: npt.NDArray[np.int32]  # (N,)
    margin: npt.NDArray[np.float32]  # (N,)
    lead: npt.NDArray[np.float32]  # (N,)

    def to_columns(self, classes: int) -> dict[str, npt.NDArray[np.generic]]:
        """Return at most 24 bytes a sample, which compress to 20; probabilities are in 1/65535."""
        return {
            # Column by column, as like follows like there.
            "top": np.asfortranarray(self.top.astype(np.uint8 if classes <= 256 else np.uint16)),
            "score": np.asfortranarray(np.rint(self.scores * 65535).astype(np.uint16)),
            "rank": np.minimum(self.rank, 65535).astype(np.uint16),
            "margin": np.clip(self.margin, -GREATEST, GREATEST).astype(np.float16),
        }

    def find_right(self, key: str) -> npt.NDArray[np.bool_]:
        return self.rank < find_depth(key)


def knows(key: str) -> bool:
    return find_depth(key) > 0


def find_depth(key: str) -> int:
    """Return k of `topk`, 0 where the key is none."""
    depth = key.removeprefix("top")
    return int(depth) if key.startswith("top") and depth.isdecimal() and len(depth) < LONGEST_DEPTH else 0


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
    # Between finite logits may lie more than float32 holds: the margin is infinite then, the power 0.
    with np.errstate(over="ignore"):
        margin = own - others.max(axis=1) if classes > 1 else np.zeros(samples, np.float32)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = np.take_along_axis(powers, top, axis=1) / powers.sum(axis=1, keepdims=True)
    return Outcomes(
        top,
        probabilities.astype(np.float32),
        ahead.sum(axis=1, dtype=np.int32),
        margin.astype(np.float32),
        find_leads(logits, top),
    )


def find_leads(logits: npt.NDArray[np.float32], top: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Return the lead of the best class before the second as a share of the greatest magnitude; of one class 1."""
    if top.shape[1] < 2:
        return np.ones(len(top), np.float32)
    best, second = np.take_along_axis(logits, top[:, :2], axis=1).astype(np.float64).T
    greatest = np.maximum(np.abs(logits).max(axis=1), np.finfo(np.float32).tiny)
    leads: npt.NDArray[np.float32] = ((best - second) / greatest).astype(np.float32)
    return leads


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
    analysis["near_ties"] = int((outcomes.lead <= NEAR_TIE).sum())
    if classes <= MATRIX_CLASSES:
        analysis["confusion"] = matrix.tolist()
    wrong = matrix - np.diag(correct)
    worst = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS_SHOWN]
    pairs = [divmod(int(flat), classes) for flat in worst]
    analysis["confused"] = [
        {"true": names[t], "predicted": names[p], "count": int(wrong[t, p])} for t, p in pairs if wrong[t, p]
    ]
    analysis["mistakes"] = list_mistakes(outcomes, labels, names)
    return analysis


def list_mistakes(
    outcomes: Outcomes, labels: npt.NDArray[np.int32], names: tuple[str, ...]
) -> list[dict[str, str | int | float]]:
    """Return the samples whose wrong prediction has the highest probability; of equal ones the first come first."""
    wrong = np.flatnonzero(outcomes.rank > 0)
    surest = wrong[np.argsort(-outcomes.scores[wrong, 0], kind="stable")][:MISTAKES_SHOWN]
    return [
        {
            "sample": int(sample),
            "true": names[labels[sample]],
            "predicted": names[outcomes.top[sample, 0]],
            "probability": round(float(outcomes.scores[sample, 0]), 4),
        }
        for sample in surest
    ]


def calibrate(outcomes: Outcomes, bins: int = 15) -> float:
    """Return the expected calibration error in percent, over equal-width bins of the top probability.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", 2017.
    """
    confidence, right = outcomes.scores[:, 0].astype(np.float64), outcomes.rank == 0
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(places, confidence - right, minlength=bins)
    return round(100 * float(np.abs(gaps).sum()) / len(right), 4)
