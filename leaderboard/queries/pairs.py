"""Paired tests between entries of a board, from the stored outcomes of their latest results."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from evaluation.paired import Comparison, compare, unpack
from leaderboard.models import Result
from leaderboard.queries.derivation import stood


class Outcomes(NamedTuple):
    """On which dataset an entry was evaluated, by its digest, and what came out right there, packed, by metric key."""

    digest: str | None
    packed: Mapping[str, str]


NOTHING = Outcomes(None, {})


def read_outcomes(entry_ids: Iterable[int], *, until: dt.datetime | None = None) -> dict[int, Outcomes]:
    """Return the outcomes of each entry's latest standing result, where there is one, today's or then; one query."""
    published = stood("retracted_at", until)
    results = Result.objects.filter(published, entry__in=list(entry_ids)).order_by("created_at")
    # Later rows replace earlier ones; a latest result without outcomes leaves its entry without any.
    rows = results.values_list("entry_id", "report__dataset__digest", "outcomes")
    return {entry_id: Outcomes(digest, packed) for entry_id, digest, packed in rows}


def choose_outcomes(entry_ids: Sequence[int], key: str, known: Mapping[int, Outcomes]) -> dict[int, str]:
    """Return the outcomes, by place, of the most entries that were evaluated on the same samples."""
    found = {place: known.get(entry_id, NOTHING) for place, entry_id in enumerate(entry_ids)}
    digests = Counter(each.digest for each in found.values() if key in each.packed)
    # Where two are equally many, the same one each time.
    usual = max(digests, key=lambda digest: (digests[digest], str(digest)), default="")
    return {place: each.packed[key] for place, each in found.items() if key in each.packed and each.digest == usual}


def compare_entries(first: int, others: Iterable[int], metric_key: str) -> dict[int, Comparison]:
    """Return how `first` compares with each of the others that were evaluated on the same samples."""
    known = read_outcomes([first, *others])
    own = known.pop(first, None)
    if own is None or metric_key not in own.packed:
        return {}
    return {
        other: compare(unpack(own.packed[metric_key]), unpack(found.packed[metric_key]))
        for other, found in known.items()
        if found.digest == own.digest and metric_key in found.packed
    }
