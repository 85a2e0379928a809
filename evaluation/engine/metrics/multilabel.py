"""Multi-label classification: mean average precision as PASCAL VOC defines it.

Each class ranks the images by its score. A label is 1 (there), -1 (absent) or 0 (there, but only as difficult objects):
such an image is left out of that class's ranking, as the devkit does. The mean is over the classes that some image has.

The rule for ties: images of equal score are one step of the ranking, whose precision counts where the step ends. The
devkit takes them in the order of its list instead, which would let the order of the images decide.

Source: M. Everingham et al., "The PASCAL Visual Object Classes Challenge: A Retrospective", IJCV 111, 2015;
`VOCevalcls.m` of the 2007 devkit (eleven points) and `VOCap.m` of the 2010 devkit (all points).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.contract import Score
from evaluation.engine.bootstrap import find_interval, resample

DIMENSIONS = 2
LABELS = "several labels an image"
DEFAULTS: tuple[str, ...] = ("map", "map11")
COLUMNS: tuple[str, ...] = ("place", "label")

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """The (N, C) scores of N samples, and their labels."""

    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int8]

    def to_columns(self, classes: int) -> dict[str, npt.NDArray[np.generic]]:
        """Return each image's place by each class, which is all that its ranking is made of, ties included."""
        return {"place": find_places(self.scores), "label": np.asfortranarray(self.labels)}

    def find_right(self, key: str) -> None:
        return None


def find_places(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Return (N, C) places of each class's images, best first from 0; equal scores share one."""
    places = [np.unique(-column, return_inverse=True)[1] for column in scores.T]
    return np.stack(places, axis=-1).astype(np.uint16 if len(scores) <= 65536 else np.uint32, order="F")


@dataclass(frozen=True)
class Ranking:
    """One class's images, best first. `steps`: the last place of each run of equal scores that holds the class."""

    images: npt.NDArray[np.int64]
    has_class: npt.NDArray[np.bool_]
    steps: npt.NDArray[np.int64]


def knows(key: str) -> bool:
    return key in DEFINITIONS


def judge(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> Outcomes:
    return Outcomes(logits, labels.astype(np.int8))


def score(outcomes: Outcomes, keys: tuple[str, ...]) -> dict[str, Score]:
    """Return mean average precisions in percent, with bootstrap intervals over the images."""
    rankings, samples = rank_classes(outcomes), len(outcomes.scores)
    found = measure(rankings, np.ones((1, samples), np.int64), keys)
    drawn = [measure(rankings, counts, keys) for counts in resample(samples)]
    scores = {}
    for key in keys:
        value = mean(found[key]).item()
        low, high = find_interval(np.concatenate([mean(each[key]) for each in drawn]))
        # Of a handful of images, those drawn can all be kinder, or all be harder, than the whole.
        scores[key] = Score(100 * value, 100 * min(value, low), 100 * max(value, high))
    return scores


def analyse(outcomes: Outcomes, labels: npt.NDArray[np.int32], names: tuple[str, ...]) -> dict[str, Any]:
    """Return each class's average precision in percent, None for a class that no image has."""
    found = measure(rank_classes(outcomes), np.ones((1, len(labels)), np.int64), DEFAULTS)
    rows = []
    for place, name in enumerate(names):
        row: dict[str, Any] = {"name": name}
        row |= {word: int((labels[:, place] == mark).sum()) for word, mark in (("images", 1), ("difficult", 0))}
        row |= {key: round(100 * found[key][place].item(), 3) if row["images"] else None for key in DEFAULTS}
        rows.append(row)
    return {"average_precision": rows}


def measure(rankings: list[Ranking], counts: Counts, keys: tuple[str, ...]) -> dict[str, Values]:
    """Return (C, B) average precisions from 0 to 1 of B samples that hold each image so often; NaN without the class.

    `counts`: (B, N).
    """
    found = {key: np.full((len(rankings), len(counts)), np.nan) for key in keys}
    for place, ranking in enumerate(rankings):
        if len(ranking.steps):
            curve = trace(ranking, counts)
            for key in keys:
                found[key][place] = DEFINITIONS[key](*curve)
    return found


def rank_classes(outcomes: Outcomes) -> list[Ranking]:
    return [rank(*columns) for columns in zip(outcomes.scores.T, outcomes.labels.T, strict=True)]


def rank(scores: npt.NDArray[np.float32], labels: npt.NDArray[np.int8]) -> Ranking:
    kept = np.flatnonzero(labels)
    images = kept[np.argsort(-scores[kept], kind="stable")]
    has_class, ordered = labels[images] == 1, scores[images]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)])
    # Precision falls from step to step where no image has the class: such a step never decides anything.
    hits = np.diff(np.cumsum(has_class)[ends], prepend=0)
    return Ranking(images, has_class, ends[hits > 0])


def trace(ranking: Ranking, counts: Counts) -> tuple[Counts, Values]:
    """Return the hits after each step, and the best precision from there on, with each image counted so often.

    `counts`: (B, N) for B samples at once; both results (B, steps).
    """
    drawn = counts[:, ranking.images]
    hits = np.cumsum(drawn * ranking.has_class, axis=1)[:, ranking.steps]
    precision = hits / np.maximum(np.cumsum(drawn, axis=1)[:, ranking.steps], 1)
    return hits, np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]


def all_points(hits: Counts, best: Values) -> Values:
    """Return (B,) areas under the curves of precision over recall, made monotone: VOC from 2010 on."""
    return divide((np.diff(hits, axis=1, prepend=0) * best).sum(axis=1), hits[:, -1])


def eleven_points(hits: Counts, best: Values) -> Values:
    """Return (B,) means of the best precisions at recall 0, 0.1 … 1, compared in whole numbers: VOC until 2009."""
    rows, totals = np.arange(len(hits)), hits[:, -1]
    reached = [(10 * hits >= tenth * totals[:, None]).argmax(axis=1) for tenth in range(11)]
    return divide(best[rows, reached].sum(axis=0), 11 * (totals > 0))


def divide(sums: Values, totals: Counts) -> Values:
    """Return NaN where a sample holds no image with the class."""
    shares: Values = np.divide(sums, totals, out=np.full(len(totals), np.nan), where=totals > 0)
    return shares


DEFINITIONS: dict[str, Callable[[Counts, Values], Values]] = {"map": all_points, "map11": eleven_points}


def mean(table: Values) -> Values:
    """Return the mean over the classes that are there, without samples in which none is."""
    means: Values = np.nanmean(table[:, ~np.isnan(table).all(axis=0)], axis=0)
    return means
