"""Claim lint: columns that came apart from their rows. Pure."""

import math
import re
from collections.abc import Iterator

from leaderboard.claims.order_statistics import chance_of_monotone, correlate_ranks, is_monotone
from leaderboard.claims.published import restore_column
from leaderboard.claims.table import ClaimTable, Finding, MetricRule, Severity, StatedScore, gettext_noop

# Fewer rows than this come into an order by chance too often.
FEWEST_ROWS = 8
RAREST_CHANCE = 1e-4
# Two accuracies of the same models go together: about 0.98 over timm's 1,556 models. A sorted column that kept its rows
# keeps that; one sorted on its own lies anywhere around 0.
LOWEST_KINSHIP = 0.3
NORMAL_95_ONE_SIDED = 1.6449

# Right answers among the first k: of those alone a deeper one counts all of a shallower one. AP50 and AP75, P@1 and P@5
# or the sets 5 and 14 of a task only look like it.
FAMILY = re.compile(r"^(?P<stem>(?:.+-)?(?:top-?|(?:acc(?:uracy)?|recall|r|hits?|hr)-at-))(?P<depth>\d+)$")


def find_lone_sorting(table: ClaimTable) -> Iterator[Finding]:
    """Find a column in perfect order while another accuracy of the same rows knows nothing of that order."""
    for metric in table.metrics:
        column = [score.value for _, score in table.column(metric.key)]
        if len(column) < FEWEST_ROWS or not is_monotone(column) or chance_of_monotone(column) > RAREST_CHANCE:
            continue
        kin = find_least_kin(table, metric)
        if kin is not None and kin[1] < LOWEST_KINSHIP:
            yield describe_lone_sorting(table, metric, *kin)


def find_least_kin(table: ClaimTable, metric: MetricRule) -> tuple[MetricRule, float] | None:
    """Return the unsorted accuracy that goes least with this one, and their rank correlation."""
    if not metric.is_proportion:
        return None
    kin = [
        (other, rho)
        for other in table.metrics
        if other.key != metric.key and other.is_proportion and (rho := correlate(table, metric, other)) is not None
        if not is_monotone([score.value for _, score in table.column(other.key)])
    ]
    return min(kin, key=lambda pair: pair[1], default=None)


def correlate(table: ClaimTable, left: MetricRule, right: MetricRule) -> float | None:
    """Return the rank correlation of two metrics, positive where better goes with better."""
    pairs = pair_scores(table, left, right)
    if len(pairs) < FEWEST_ROWS:
        return None
    rho = correlate_ranks([a.value for a, _ in pairs], [b.value for _, b in pairs])
    return -rho if rho is not None and left.direction != right.direction else rho


def pair_scores(table: ClaimTable, left: MetricRule, right: MetricRule) -> list[tuple[StatedScore, StatedScore]]:
    return [
        (row.scores[left.key], row.scores[right.key])
        for row in table.rows
        if left.key in row.scores and right.key in row.scores
    ]


def describe_lone_sorting(table: ClaimTable, metric: MetricRule, other: MetricRule, rho: float) -> Finding:
    rows = [row for row, _ in table.column(metric.key)]
    return Finding(
        rule="column_sorted_on_its_own",
        severity=Severity.ERROR,
        rows=tuple(row.key for row in rows),
        sentence=gettext_noop(
            "%(metric)s has been sorted on its own: all %(count)d rows stand in its order (chance %(chance).1g), yet "
            "its rank correlation with %(other)s is %(rho).2f. Its figures belong to other rows."
        ),
        parameters={
            "metric": metric.label,
            "other": other.label,
            "count": len(rows),
            "chance": chance_of_monotone([row.scores[metric.key].value for row in rows]),
            "rho": rho,
        },
        repair=restore_column(rows, metric.key, other.key),
    )


def find_turned_correlation(table: ClaimTable) -> Iterator[Finding]:
    """Find two depths of one metric (Acc@1 and Acc@5) of which the one falls where the other rises."""
    for shallow, deep in list_families(table):
        rho = correlate(table, shallow, deep)
        count = len(pair_scores(table, shallow, deep))
        if rho is not None and upper_bound(rho, count) < 0:
            yield Finding(
                rule="correlation_turned_over",
                severity=Severity.ERROR,
                rows=tuple(row.key for row in table.rows if shallow.key in row.scores and deep.key in row.scores),
                sentence=gettext_noop(
                    "%(shallow)s falls where %(deep)s rises: their rank correlation over %(count)d rows is %(rho).2f, "
                    "and it should be close to 1."
                ),
                parameters={"shallow": shallow.label, "deep": deep.label, "count": count, "rho": rho},
            )


def list_families(table: ClaimTable) -> Iterator[tuple[MetricRule, MetricRule]]:
    """Yield pairs of one metric at two depths, such as `top1` and `top5`, the shallow one first."""
    known = [(m["stem"], int(m["depth"]), metric) for metric in table.metrics if (m := FAMILY.match(metric.key))]
    for stem, depth, metric in known:
        yield from ((metric, other) for kin, deeper, other in known if kin == stem and depth < deeper)


def upper_bound(rho: float, count: int) -> float:
    """Return the one-sided 95 % upper bound of a rank correlation by Fisher's transformation.

    Source: D. G. Bonett, T. A. Wright, Sample size requirements for estimating Pearson, Kendall and Spearman
    correlations, 2000 (the variance of Spearman's rho).
    """
    if abs(rho) >= 1 or count < 4:
        return rho
    error = math.sqrt((1 + rho * rho / 2) / (count - 3))
    return math.tanh(math.atanh(rho) + NORMAL_95_ONE_SIDED * error)
