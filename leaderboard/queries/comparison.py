"""Entries of a board side by side: every pair tested, class by class, and the samples on which they part."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from evaluation.paired import Comparison, compare, unpack
from leaderboard.models import Result, Split
from leaderboard.queries.pairs import NOTHING, read_outcomes
from leaderboard.queries.rows import BoardRow
from leaderboard.queries.samples import Sample, show_samples

CLASSES_SHOWN, SAMPLES_SHOWN = 15, 24


@dataclass(frozen=True)
class Pair:
    """Two entries on the same samples. `adjusted` is the p value with Holm's correction for all pairs shown."""

    first: BoardRow
    second: BoardRow
    test: Comparison
    adjusted: float


@dataclass(frozen=True)
class ClassLine:
    """A class with the score of each entry in percent, None where it is unknown, and how far these lie apart."""

    name: str
    values: tuple[float | None, ...]
    spread: float

    @property
    def best(self) -> float:
        return max(value for value in self.values if value is not None)


@dataclass(frozen=True)
class Apart:
    """Samples that one entry alone gets right, or, without one, that none does."""

    row: BoardRow | None
    count: int
    samples: tuple[Sample, ...]


def read_known(rows: Sequence[BoardRow], metric_key: str) -> tuple[str | None, dict[int, int]]:
    """Return the digest of the samples that the first was evaluated on, and the outcomes there, as whole numbers."""
    read = read_outcomes([row.entry_id for row in rows])
    found = {row.entry_id: read[row.entry_id] for row in rows if metric_key in read.get(row.entry_id, NOTHING).packed}
    digest = next((each.digest for each in found.values()), None)
    return digest, {entry: unpack(each.packed[metric_key]) for entry, each in found.items() if each.digest == digest}


def compare_pairs(rows: Sequence[BoardRow], known: Mapping[int, int]) -> list[Pair]:
    """Return the test of each pair whose outcomes are known."""
    tested = [row for row in rows if row.entry_id in known]
    pairs = list(itertools.combinations(tested, 2))
    tests = [compare(known[one.entry_id], known[two.entry_id]) for one, two in pairs]
    adjusted = adjust([test.p_value for test in tests])
    return [Pair(one, two, test, p) for (one, two), test, p in zip(pairs, tests, adjusted, strict=True)]


def adjust(p_values: Sequence[float]) -> list[float]:
    """Return the p values with Holm's correction: what is below 0.05 then differs at 5 % over all tests together.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6, 1979.
    """
    adjusted, worst = [0.0] * len(p_values), 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        worst = max(worst, min(1.0, p_values[index] * (len(p_values) - place)))
        adjusted[index] = worst
    return adjusted


def find_apart(rows: Sequence[BoardRow], known: Mapping[int, int], split: Split) -> list[Apart]:
    """Return for each entry what it alone gets right, and at last what no entry does."""
    tested = [row for row in rows if row.entry_id in known]
    if len(tested) < 2 or not split.samples:
        return []
    parts = []
    for row in tested:
        others = reduce(or_, (known[other.entry_id] for other in tested if other is not row))
        parts.append(make_apart(row, known[row.entry_id] & ~others, split))
    every = (1 << split.samples) - 1
    wrong = reduce(and_, (every & ~known[row.entry_id] for row in tested))
    return [*parts, make_apart(None, wrong, split)]


def make_apart(row: BoardRow | None, samples: int, split: Split) -> Apart:
    places = list_places(samples)
    # Spread over all of them, as neighbours are of the same class.
    step = max(1, -(-len(places) // SAMPLES_SHOWN))
    return Apart(row, len(places), show_samples(split, places[::step]))


def list_places(samples: int) -> list[int]:
    """Return which bits are set."""
    return [place for place, bit in enumerate(reversed(f"{samples:b}")) if bit == "1"]


def compare_classes(rows: Sequence[BoardRow]) -> list[ClassLine]:
    """Return the classes on which the entries lie furthest apart."""
    results = Result.objects.filter(entry__in=[row.entry_id for row in rows], retracted_at=None).order_by("created_at")
    found = {entry: read_classes(analysis) for entry, analysis in results.values_list("entry_id", "report__analysis")}
    names = dict.fromkeys(name for classes in found.values() for name in classes)
    lines = [make_line(name, [found.get(row.entry_id, {}).get(name) for row in rows]) for name in names]
    apart = sorted((line for line in lines if line.spread > 0), key=lambda line: -line.spread)
    return apart[:CLASSES_SHOWN]


def read_classes(analysis: Mapping[str, Any] | None) -> dict[str, float]:
    """Return accuracy or average precision by class."""
    scored = [(row["name"], row["accuracy"]) for row in (analysis or {}).get("per_class", []) if row["total"]]
    scored += [(row["name"], row["map"]) for row in (analysis or {}).get("average_precision", [])]
    return {name: value for name, value in scored if value is not None}


def make_line(name: str, values: list[float | None]) -> ClassLine:
    stated = [value for value in values if value is not None]
    return ClassLine(name, tuple(values), max(stated) - min(stated) if len(stated) > 1 else 0.0)
