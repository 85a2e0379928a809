"""Rank intervals of many models from the paired tests of all pairs, and one model against many, over packed outcomes.

The same tests, to the last p value, as `leaderboard.ranking` makes of a small board. One thread: each pair costs an
exclusive or and a bit count over an eighth of a byte a sample, and only pairs that the models' own counts leave open.
"""

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation import holm
from evaluation.contract import InputFault
from evaluation.engine.bootstrap import align
from evaluation.engine.statistics import mcnemar, measure_deviance

Words = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
# As many rows at a time as stay in the second level cache.
BLOCK = 32


@dataclass(frozen=True)
class Pairs:
    """Tests that may be rejected, each of a better and a worse model by their places."""

    better: Counts
    worse: Counts
    discordant: Counts
    lead: Counts


def answer(text: str) -> str:
    """Return the rank intervals of outcomes, both as JSON. Raises: InputFault."""
    try:
        document = json.loads(text)
    # Also of a million brackets.
    except (ValueError, RecursionError) as error:
        raise InputFault(f"These are no outcomes of models on the same samples: {error}.") from error
    return json.dumps(rank(document))


def answer_all(text: str) -> str:
    """Return the rank intervals of several boards, null for one that has none; the others still have theirs."""
    answers = []
    for document in json.loads(text):
        try:
            answers.append(rank(document))
        except InputFault as fault:
            print(fault, file=sys.stderr)
            answers.append(None)
    return json.dumps(answers)


def rank(document: Any) -> dict[str, Any] | None:
    """Raises: InputFault."""
    try:
        if document["outcomes"] == []:
            return {"intervals": []}
        outcomes = [base64.b64decode(each, validate=True) for each in document["outcomes"]]
        packed = np.frombuffer(b"".join(outcomes), np.uint8).reshape(len(outcomes), -1)
        if len({len(each) for each in outcomes}) > 1:
            raise ValueError("they are of different lengths")
    except (ValueError, TypeError, KeyError) as error:
        raise InputFault(f"These are no outcomes of models on the same samples: {error}.") from error
    return {"intervals": find_rank_intervals(packed).tolist()}


def count_right(words: Words) -> Counts:
    """Return (M,) how many samples each model gets right."""
    # Narrow sums are several times as fast, and no dataset has more samples than they hold.
    counts: Counts = np.bitwise_count(words).sum(axis=-1, dtype=np.int32).astype(np.int64)
    return counts


def count_both(one: Words, others: Words) -> Counts:
    """Return (M,) how many samples `one` of (W,) and each of the (M, W) others both get right."""
    both = np.empty(len(others), np.int64)
    shared, bits = np.empty((BLOCK, one.size), np.uint64), np.empty((BLOCK, one.size), np.uint8)
    for start in range(0, len(others), BLOCK):
        rows = others[start : start + BLOCK]
        np.bitwise_and(one, rows, out=shared[: len(rows)])
        np.bitwise_count(shared[: len(rows)], out=bits[: len(rows)])
        bits[: len(rows)].sum(axis=1, dtype=np.int32, out=both[start : start + BLOCK])
    return both


def compare_with(one: Words, others: Words) -> tuple[Counts, Counts, Values]:
    """Return on how many samples `one` alone is right, each other alone is, and the exact p values."""
    both = count_both(one, others)
    only_one, only_other = count_right(one) - both, count_right(others) - both
    return only_one, only_other, mcnemar(only_one, only_other)


def find_rank_intervals(packed: npt.NDArray[np.uint8]) -> Counts:
    """Return (M, 2) best and worst ranks of M models, from the (M, bytes) outcomes on the same samples.

    All pairs are tested by McNemar's exact test with Holm's correction at 5 %.
    """
    words = align(packed)
    order = np.argsort(-count_right(words), kind="stable")
    words, models = words[order], len(order)
    right, tests = count_right(words), models * (models - 1) // 2
    certain = find_certain(right, 8 * packed.shape[1], holm.find_certainty(tests))
    open_tests = collect(words, right, certain)
    rejected = reject(open_tests, tests, int((models - certain).sum()))
    beats = models - certain + np.bincount(open_tests.better[rejected], minlength=models)
    # Each model is surely behind those whose certain wins begin before it.
    beaten_by = np.searchsorted(certain, np.arange(models), side="right")
    beaten_by += np.bincount(open_tests.worse[rejected], minlength=models)
    intervals = np.empty((models, 2), np.int64)
    intervals[order] = np.stack([1 + beaten_by, models - beats], axis=1)
    return intervals


def find_certain(right: Counts, samples: int, certainty: float) -> Counts:
    """Return for each place the first one that is surely worse, from the counts alone; they are in falling order."""
    lead = right[:, None] - right
    most = np.minimum(right[:, None] + right, 2 * samples - right[:, None] - right)
    is_sure = (lead.astype(np.float64) ** 2 >= certainty * most) & (lead >= holm.LEAST_LEAD)
    first: Counts = np.where(is_sure.any(axis=1), is_sure.argmax(axis=1), len(right))
    return first


def collect(words: Words, right: Counts, certain: Counts) -> Pairs:
    """Return the tests of the pairs that the counts leave open."""
    parts = [Pairs(*(np.empty(0, np.int64) for _ in range(4))), *compare_near(words, right, certain)]
    return Pairs(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Pairs.__dataclass_fields__),
    )


def compare_near(words: Words, right: Counts, certain: Counts) -> Iterator[Pairs]:
    for place, end in enumerate(certain):
        # Smaller leads are no difference whatever the samples.
        begin = int(np.searchsorted(-right, holm.LEAST_LEAD - right[place]))
        if begin < end:
            lead = right[place] - right[begin:end]
            both = count_both(words[place], words[begin:end])
            discordant = right[place] + right[begin:end] - 2 * both
            yield Pairs(np.full(len(lead), place), np.arange(begin, end), discordant, lead)


def reject(tests: Pairs, total: int, certain: int) -> npt.NDArray[np.bool_]:
    """Return which of the open tests Holm rejects, of `total` of which so many others are rejected for certain."""
    ratio = tests.lead.astype(np.float64) ** 2 / tests.discordant
    sure = ratio >= holm.find_certainty(total)
    left = np.flatnonzero(~sure)
    low, high = bound(tests.discordant[left], tests.lead[left])
    fewer = (tests.discordant[left] - tests.lead[left]) // 2
    known = np.full(len(left), np.nan)

    def find_below(p_value: float) -> npt.NDArray[np.bool_]:
        deviate = holm.find_deviate(p_value)
        is_below, is_close = low > deviate + holm.SLACK, high > deviate - holm.SLACK
        close = np.flatnonzero(is_close & ~is_below)
        new = close[np.isnan(known[close])]
        known[new] = mcnemar(fewer[new], tests.discordant[left[new]] - fewer[new])
        is_below[close] = known[close] <= p_value
        return is_below

    beyond = certain + int(sure.sum())
    threshold = holm.find_threshold(total, lambda p_value: beyond + int(find_below(p_value).sum()))
    sure[left] = find_below(threshold)
    return sure


def bound(discordant: Counts, lead: Counts) -> tuple[Values, Values]:
    """Return `holm.bound` of each test."""
    fewer = (discordant - lead) // 2
    low = np.where(2 * (fewer + 1) < discordant, measure_deviance(fewer + 1, discordant), 0.0)
    return np.sqrt(low), np.sqrt(measure_deviance(fewer, discordant))


if __name__ == "__main__":
    print(answer_all(sys.stdin.read()))
