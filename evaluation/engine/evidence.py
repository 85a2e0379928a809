"""What is stored of a run: one row a sample, in dataset order, as columns of a compressed archive.

Of one label an image: `top` (classes, best first), `score` (their probabilities in 1/65535), `rank` (of the correct
class, from 0), `margin` (of the correct class, in logits, rounded to half precision); at most 20 bytes a sample. Of
several labels an image: `place` (among all images by each class's score, from 0; equal scores share one) and `label` (1
there, 0 only as difficult objects, -1 absent) of each class, which is what average precision is made of.

`samples` is the sha256 over the first 8 bytes of each image's own, and says which images the rows are of. Older files
have those bytes themselves as `sample`, and the scores `logit` instead of their places.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.contract import InputFault
from evaluation.engine.bootstrap import draw_resamples, find_interval
from evaluation.engine.dataset import Dataset
from evaluation.engine.metrics import KINDS, Outcomes
from evaluation.engine.metrics.multilabel import find_places
from evaluation.engine.outcomes import pack_keys
from evaluation.paired import mcnemar, pack


@dataclass(frozen=True)
class Comparison:
    """A paired comparison of two evidences on the same samples, by top-1.

    `difference`: the first's accuracy less the second's in points, with its 95 % bootstrap interval.
    """

    samples: int
    both: int
    only_first: int
    only_second: int
    neither: int
    p_value: float
    difference: float
    low: float
    high: float


def write_evidence(path: Path, dataset: Dataset, outcomes: Outcomes) -> dict[str, object]:
    """Store the columns and return their digest and size."""
    columns: dict[str, npt.NDArray[np.generic]] = {
        "samples": digest_keys(pack_keys([sample.sha256 for sample in dataset.samples]))
    }
    columns |= outcomes.to_columns(len(dataset.class_names))
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **columns)
    return {"predictions": digest_columns(columns), "bytes": path.stat().st_size, "samples": len(dataset.samples)}


def digest_keys(keys: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return (32,) bytes that stand for all the samples. `keys`: (N, 8)."""
    return np.frombuffer(hashlib.sha256(keys.tobytes()).digest(), np.uint8)


def pack_outcomes(outcomes: Outcomes, keys: tuple[str, ...]) -> dict[str, str]:
    """Return for each metric that judges samples one by one which came out right, as `evaluation.paired` packs it."""
    return {key: pack(right) for key in keys if (right := outcomes.find_right(key)) is not None}


def digest_columns(columns: dict[str, npt.NDArray[np.generic]]) -> str:
    """Return the digest of the content, whatever the compression made of it."""
    overall = hashlib.sha256()
    for name, column in columns.items():
        overall.update(name.encode() + str(column.shape).encode() + column.dtype.str.encode())
        overall.update(np.ascontiguousarray(column).tobytes())
    return f"sha256:{overall.hexdigest()}"


def read_evidence(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the columns by name, an older file's as if it were written today. Raises: InputFault for another file."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            columns: dict[str, npt.NDArray[Any]] = {name: archive[name] for name in archive.files}
        if "sample" in columns:
            columns["samples"] = digest_keys(columns.pop("sample"))
        if "logit" in columns:
            columns["place"] = find_places(columns.pop("logit"))
        kind = next(kind for kind in KINDS if {"samples", *kind.COLUMNS} == set(columns))
        check_columns([columns[name] for name in kind.COLUMNS])
        if "rank" in columns and columns["rank"].ndim != 1:
            raise ValueError("several ranks a sample")
        return {name: columns[name] for name in ("samples", *kind.COLUMNS)}
    # What another file makes of NumPy and of zipfile is one of many errors; a header may ask for all memory there is.
    except Exception as error:
        raise InputFault(f"{path.name} is no evidence file; a run writes one with --evidence.") from error


def check_columns(columns: list[npt.NDArray[Any]]) -> None:
    """Raises: ValueError where they are not numbers of the same samples."""
    if any(column.dtype.kind not in "iuf" for column in columns):
        raise ValueError("no columns of numbers")
    if len({len(column) for column in columns}) != 1 or not len(columns[0]):
        raise ValueError("columns of different lengths, or of none")


def compare(first: Path, second: Path) -> Comparison:
    """Return McNemar's exact test on the samples' top-1 outcomes. Raises: InputFault where the samples differ."""
    one, two = read_evidence(first), read_evidence(second)
    if not ("rank" in one and "rank" in two):
        raise InputFault("The paired test is of top-1; evidence of several labels an image has none to compare.")
    if not np.array_equal(one["samples"], two["samples"]) or one["rank"].shape != two["rank"].shape:
        raise InputFault(
            "The two evidence files are of different samples; only runs on the same dataset can be compared."
        )
    right, other = one["rank"] == 0, two["rank"] == 0
    only_first, only_second = int((right & ~other).sum()), int((~right & other).sum())
    resamples, points = draw_resamples(len(right)), 100 / len(right)
    low, high = find_interval((resamples.count_right(right) - resamples.count_right(other)) * points)
    return Comparison(
        samples=len(right),
        both=int((right & other).sum()),
        only_first=only_first,
        only_second=only_second,
        neither=int((~right & ~other).sum()),
        p_value=mcnemar(only_first, only_second),
        difference=(only_first - only_second) * points,
        low=low,
        high=high,
    )
