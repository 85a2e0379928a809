"""How an entry's status, verdict and standings follow from claims and results; `services.boards` stores them."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q

from leaderboard.claims.tolerance import judge, judge_all
from leaderboard.models import Benchmark, Claim, Entry, Metric, Result, Score, Standing

BATCH = 500


@dataclass(frozen=True)
class Known:
    """What is known of an entry: its latest claim of each metric, and its standing result with scores."""

    claims: Mapping[int, Claim]
    scores: Mapping[int, Score]
    result: Result | None


def collect_known(entry_ids: list[int], *, until: dt.datetime | None = None) -> dict[int, Known]:
    """Return what is known of the entries; with `until`, what was known then."""
    claimed, published = stood("withdrawn_at", until), stood("retracted_at", until)
    claims: dict[int, dict[int, Claim]] = {pk: {} for pk in entry_ids}
    scores: dict[int, dict[int, Score]] = {pk: {} for pk in entry_ids}
    results: dict[int, Result] = {}
    for ids in batches(entry_ids):
        # Later rows replace earlier ones, so the latest claim and the latest standing result win.
        for claim in Claim.objects.filter(claimed, entry__in=ids).order_by("created_at", "id"):
            claims[claim.entry_id][claim.metric_id] = claim
        standing = (
            Result.objects.filter(published, entry__in=ids)
            .defer("report", "outcomes", "attestation")
            .select_related("run")
        )
        for result in standing.order_by("created_at").prefetch_related("scores"):
            results[result.entry_id] = result
    for entry_id, result in results.items():
        scores[entry_id] = {score.metric_id: score for score in result.scores.all()}
    return {pk: Known(claims[pk], scores[pk], results.get(pk)) for pk in entry_ids}


def stood(ended: str, until: dt.datetime | None) -> Q:
    """Return the condition on what stands today, or stood then; `ended`: the column that says when it ceased to."""
    lasting = Q(**{ended: None})
    return lasting if until is None else Q(created_at__lte=until) & (lasting | Q(**{f"{ended}__gt": until}))


def batches(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def settle(entry: Entry, known: Known, benchmark: Benchmark, metrics: Iterable[Metric]) -> None:
    """Set the entry's status, verdict and date from what is known."""
    verdicts = [
        judge(
            known.claims[metric.pk].value if metric.pk in known.claims else None,
            known.scores[metric.pk].value if metric.pk in known.scores else None,
            tolerance=benchmark.tolerance,
            direction=metric.direction,
        )
        for metric in metrics
    ]
    entry.verdict = str(judge_all(verdicts))
    if known.result is None:
        entry.status, entry.verified_at = Entry.Status.CLAIMED, None
        return
    is_below = entry.verdict == Entry.Verdict.BELOW
    entry.status = Entry.Status.MISMATCH if is_below else Entry.Status.VERIFIED
    entry.verified_at = known.result.created_at


def build_standing(entry: Entry, known: Known, metric: Metric) -> Standing:
    claim, score = known.claims.get(metric.pk), known.scores.get(metric.pk)
    value = score.value if score else claim.value if claim else None
    model = entry.model
    sign = -1 if metric.direction == Metric.Direction.LOWER else 1
    return Standing(
        entry=entry,
        benchmark_id=entry.benchmark_id,
        metric=metric,
        claimed=claim.value if claim else None,
        claimed_text=claim.text if claim else "",
        verified=score.value if score else None,
        low=score.low if score else None,
        high=score.high if score else None,
        order_value=Standing.MISSING if value is None else sign * value,
        is_visible=not entry.is_hidden and bool(known.claims or known.result),
        parameters=model.parameters,
        multiply_adds=model.multiply_adds,
        published_on=model.paper.published_on if model.paper else None,
        has_extra_data=bool(entry.extra_data),
        is_mismatch=entry.status == Entry.Status.MISMATCH,
    )
