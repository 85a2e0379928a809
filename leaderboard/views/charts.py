"""The charts above a board, drawn once for each of its versions."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.core.cache import cache
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from leaderboard import charts
from leaderboard.models import Metric
from leaderboard.queries import CHARTED, ChartRow, Head, read_chart_rows


@dataclass(frozen=True)
class Charts:
    """Both charts as markup, empty where there is nothing to draw, and what the second can be drawn against."""

    metric: str
    trend: SafeString
    tradeoff: SafeString
    costs: tuple[tuple[str, str], ...]
    cost: str
    is_part: bool


def read_charts(head: Head, chosen: str) -> Charts | None:
    """Return the charts on the metric that ranks the board, whatever the table is narrowed to or sorted by."""
    if not head.metrics:
        return None
    metric, facts = head.metrics[0], head.facts
    key = facts.name_version("charts", get_language(), chosen[:20])
    kept: Charts | None = cache.get(key)
    if kept is None:
        kept = draw(read_chart_rows(head.benchmark, metric), metric, chosen, is_part=facts.entries > CHARTED)
        cache.set(key, kept, facts.KEPT_SECONDS)
    return kept


def draw(rows: list[ChartRow], metric: Metric, chosen: str, *, is_part: bool) -> Charts:
    costs = charts.list_costs(rows)
    cost = next((cost for cost in costs if cost.key == chosen), costs[0] if costs else None)
    is_alone = not (cost and charts.has_trend(rows))
    trend, tradeoff = (
        SafeString("".join(parts)) for parts in zip(*draw_forms(rows, metric, cost, is_alone), strict=True)
    )
    return Charts(
        metric=metric.label,
        trend=trend,
        tradeoff=tradeoff,
        costs=tuple((each.key, str(each.name)) for each in costs),
        cost=cost.key if cost else "",
        is_part=is_part,
    )


def draw_forms(
    rows: list[ChartRow], metric: Metric, cost: charts.Cost | None, is_alone: bool
) -> Iterator[tuple[SafeString, SafeString]]:
    """Yield both charts in each form; a chart that is alone is wide, and has another form for narrow screens."""
    forms = ((charts.WHOLE, "wide"), (charts.HALF, "slim")) if is_alone else ((charts.HALF, ""),)
    for frame, form in reversed(forms):
        yield (
            render(f"trend{form}", charts.draw_trend(rows, metric, frame), metric, form),
            render(f"tradeoff{form}", charts.draw_tradeoff(rows, metric, cost, frame) if cost else None, metric, form),
        )


def render(name: str, chart: charts.Chart | None, metric: Metric, form: str) -> SafeString:
    if chart is None:
        return mark_safe("")
    return mark_safe(
        render_to_string("leaderboard/chart.html", {"chart": chart, "name": name, "metric": metric, "form": form})
    )
