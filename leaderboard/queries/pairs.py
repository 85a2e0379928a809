"""Paired tests between entries of a board, from the stored outcomes of their latest results."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from evaluation.paired import Comparison, compare, unpack
from leaderboard.models import Result


class Outcomes(NamedTuple):
    """On which dataset an entry was evaluated, by its digest, and what came out right there, packed, by metric key."""

    digest: str | None
    packed: Mapping[str, str]


NOTHING = Outcomes(None, {})


def read_outcomes(entry_ids: Iterable[int]) -> dict[int, Outcomes]:
    """Return the outcomes of each entry's latest standing result, where there is one; with one query."""
    results = Result.objects.filter(entry__in=list(entry_ids), retracted_at=None).order_by("created_at")
    # Later rows replace earlier ones; a latest result without outcomes leaves its entry without any.
    rows = results.values_list("entry_id", "report__dataset__digest", "outcomes")
    return {entry_id: Outcomes(digest, packed) for entry_id, digest, packed in rows}


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
