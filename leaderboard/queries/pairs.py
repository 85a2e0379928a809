"""Paired tests between entries of a board, from the stored outcomes of their latest results."""

from collections.abc import Iterable

from evaluation.paired import Comparison, compare, unpack
from leaderboard.models import Result


def read_outcomes(entry_ids: Iterable[int], metric_key: str) -> dict[int, tuple[str, str]]:
    """Return the dataset's digest and the packed outcomes of each entry's latest standing result, where known."""
    results = Result.objects.filter(entry__in=list(entry_ids), retracted_at=None).order_by("created_at")
    rows = results.values_list("entry_id", "report__dataset__digest", f"outcomes__{metric_key}")
    # Later rows replace earlier ones; a latest result without outcomes leaves its entry without any.
    latest = {entry_id: (digest, text) for entry_id, digest, text in rows}
    return {entry_id: (digest, text) for entry_id, (digest, text) in latest.items() if isinstance(text, str)}


def compare_entries(first: int, others: Iterable[int], metric_key: str) -> dict[int, Comparison]:
    """Return how `first` compares with each of the others that were evaluated on the same samples."""
    others = list(others)
    known = read_outcomes([first, *others], metric_key)
    if first not in known:
        return {}
    digest, outcomes = known[first]
    return {
        other: compare(unpack(outcomes), unpack(known[other][1]))
        for other in others
        if other in known and known[other][0] == digest
    }
