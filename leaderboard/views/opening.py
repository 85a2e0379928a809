"""What stands above a board's table, made once by each process for each of the board's versions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from leaderboard import charts
from leaderboard.models import Metric
from leaderboard.queries import CHARTED, ChartRow, Head, read_chart_rows, read_findings

# Of so many versions, languages and choices; charts have some 30 kB.
MOST_KEPT = 200


@dataclass(frozen=True)
class Opening:
    """`previews`: for link previews and feed readers. `masthead`: place, names, facts, counts and findings."""

    description: str
    previews: SafeString
    masthead: SafeString


@dataclass(frozen=True)
class Charts:
    """Both charts as markup, empty where there is nothing to draw, and what the second can be drawn against."""

    over_time: str
    trend: SafeString
    against: str
    tradeoff: SafeString
    key: SafeString
    costs: tuple[tuple[str, str], ...]
    cost: str
    is_part: bool


def read_opening(head: Head) -> Opening:
    """Return what is said of the board in the head of its page and above its charts."""
    return make_opening(head, get_language())


# A head is kept as long as its board is of that version. The language is the one that words are read in.
@lru_cache(MOST_KEPT)
def make_opening(head: Head, language: str) -> Opening:
    sentence = _("Leaderboard of %(board)s: verified scores with their intervals beside what was claimed.")
    description = sentence % {"board": head.benchmark}
    context = {"benchmark": head.benchmark, "facts": head.facts, "variants": head.variants, "description": description}
    context |= {"findings": read_findings(head.facts), "base_url": settings.BASE_URL}
    return Opening(
        description=description,
        previews=render_to_string("leaderboard/previews.html", context),
        masthead=render_to_string("leaderboard/masthead.html", context),
    )


def read_charts(head: Head, chosen: str) -> Charts | None:
    """Return the charts on the metric that ranks the board, whatever the table is narrowed to or sorted by."""
    return draw(head, get_language(), chosen if chosen in charts.COST_KEYS else "") if head.metrics else None


@lru_cache(MOST_KEPT)
def draw(head: Head, language: str, chosen: str) -> Charts:
    metric = head.metrics[0]
    rows = read_chart_rows(head.benchmark, metric)
    costs = charts.list_costs(rows)
    cost = next((cost for cost in costs if cost.key == chosen), costs[0] if costs else None)
    is_alone = not (cost and charts.has_trend(rows))
    trend, tradeoff = (
        SafeString("".join(parts)) for parts in zip(*draw_forms(rows, metric, cost, is_alone), strict=True)
    )
    return Charts(
        over_time=_("Best %(metric)s over time") % {"metric": metric.label},
        trend=trend,
        against=_("%(metric)s against") % {"metric": metric.label},
        tradeoff=tradeoff,
        key=render_to_string("leaderboard/chart_key.html"),
        costs=tuple((each.key, str(each.name)) for each in costs),
        cost=cost.key if cost else "",
        is_part=head.facts.entries > CHARTED,
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
