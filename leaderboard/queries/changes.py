"""What has changed on the boards lately: verified, retracted, claimed."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from leaderboard.models import Benchmark, Claim, Entry, Metric, Result, Score

MOST_LINES = 200


@dataclass(frozen=True)
class Change:
    """A result that came or went. `kind` is verified or retracted."""

    at: dt.datetime
    kind: str
    entry: Entry
    benchmark: Benchmark
    metric: Metric | None
    value: float | None
    reason: str = ""
    # The verdict is the entry's, so that of its latest result; an earlier one was another's.
    is_latest: bool = True


@dataclass(frozen=True)
class Changes:
    """The changes since a day, the latest first, at most two hundred, with the counts of all."""

    lines: tuple[Change, ...]
    verified: int
    mismatch: int
    retracted: int
    claims: int


def read_changes(since: dt.datetime, slug: str = "") -> Changes:
    """Return what changed on all boards, or on that one, with four queries."""
    results = Result.objects.filter(entry__is_hidden=False)
    claims = Claim.objects.filter(entry__is_hidden=False, created_at__gte=since)
    if slug:
        results = results.filter(entry__benchmark__slug=slug)
        claims = claims.filter(entry__benchmark__slug=slug)
    came, went = Q(created_at__gte=since), Q(retracted_at__gte=since)
    below = Q(entry__status=Entry.Status.MISMATCH)
    counts = results.aggregate(
        verified=Count("pk", filter=came & Q(retracted_at=None)),
        mismatch=Count("pk", filter=came & below & Q(retracted_at=None)),
        retracted=Count("pk", filter=went),
    )
    related = ("entry__model", "entry__benchmark__split__dataset", "entry__benchmark__protocol")
    later = Result.objects.filter(entry=OuterRef("entry"), retracted_at=None, created_at__gt=OuterRef("created_at"))
    light = results.defer("report", "outcomes", "attestation").select_related(*related)
    light = light.annotate(is_followed=Exists(later))
    found = list(light.filter(came | went).order_by(Coalesce("retracted_at", "created_at").desc())[:MOST_LINES])
    scores = read_scores(found)
    changes = (make_change(result, scores.get(result.pk), is_latest=not result.is_followed) for result in found)
    lines = sorted(changes, key=lambda line: line.at)
    return Changes(tuple(lines[::-1]), **counts, claims=claims.count())


def read_scores(results: Sequence[Result]) -> dict[UUID, Score]:
    """Return each result's score on the metric that ranks its board."""
    scores = Score.objects.filter(
        result__in=results,
        metric__benchmark_metrics__benchmark=F("result__entry__benchmark"),
        metric__benchmark_metrics__position=0,
    )
    return {score.result_id: score for score in scores.select_related("metric")}


def make_change(result: Result, score: Score | None, *, is_latest: bool) -> Change:
    return Change(
        at=result.retracted_at or result.created_at,
        kind="retracted" if result.retracted_at else "verified",
        entry=result.entry,
        benchmark=result.entry.benchmark,
        metric=score.metric if score else None,
        value=score.value if score else None,
        reason=result.retraction_reason,
        is_latest=is_latest,
    )
