"""Hold the stored claims of a benchmark against the claim lint."""

from collections import defaultdict
from dataclasses import asdict
from typing import Any

from leaderboard.claims.lint import is_proportion, lint
from leaderboard.claims.table import ClaimRow, ClaimTable, Finding, MetricRule, StatedScore, StatedWeights
from leaderboard.models import Benchmark, Claim, Entry
from leaderboard.queries import benchmark_metrics

# Between a variant and the number of a row that says the same again.
REPEATED = " #"


def describe(finding: Finding) -> dict[str, Any]:
    """Return the finding as it is stored in `BoardFacts`; `queries.read_findings` reads it."""
    return asdict(finding)


def find_findings(benchmark: Benchmark) -> tuple[Finding, ...]:
    """Return what the lint says of the visible claims, the gravest first. A row's key is its entry's id."""
    return lint(read_claim_table(benchmark))


def read_claim_table(benchmark: Benchmark) -> ClaimTable:
    """Return the visible claims in the order of their source, the latest of each metric, with three queries."""
    entries: dict[int, Entry] = {}
    scores: dict[int, dict[str, StatedScore]] = defaultdict(dict)
    metrics = {metric.pk: metric for metric in benchmark_metrics(benchmark)}
    claims = Claim.objects.filter(entry__benchmark=benchmark, entry__is_hidden=False, withdrawn_at=None)
    claims = claims.filter(metric__in=metrics)
    for claim in claims.select_related("entry__model").order_by("entry_id", "created_at", "id"):
        entries[claim.entry_id] = claim.entry
        key = metrics[claim.metric_id].key
        scores[claim.entry_id][key] = StatedScore(claim.value, claim.text or str(claim.value))
    weights = read_weights(benchmark)
    return ClaimTable(
        rows=tuple(
            ClaimRow(
                key=str(pk),
                name=entry.model.name,
                scores=scores[pk],
                weights=tuple(weights[pk]),
                code_urls=tuple(code["url"] for code in entry.code_urls),
                setting=entry.variant.partition(REPEATED)[0],
            )
            for pk, entry in entries.items()
        ),
        metrics=tuple(
            MetricRule(metric.key, metric.label, metric.unit, metric.direction, is_proportion(metric.key))
            for metric in metrics.values()
        ),
        samples=benchmark.split.samples,
        classes=benchmark.split.classes,
    )


def read_weights(benchmark: Benchmark) -> dict[int, list[StatedWeights]]:
    """Return the weights addresses of the board by entry."""
    found: dict[int, list[StatedWeights]] = defaultdict(list)
    links = Entry.weights.through.objects.filter(entry__benchmark=benchmark, entry__is_hidden=False)
    columns = ("entry_id", "weights__framework", "weights__url")
    for entry_id, framework, url in links.exclude(weights__url="").order_by("weights_id").values_list(*columns):
        found[entry_id].append(StatedWeights(framework, url))
    return found
