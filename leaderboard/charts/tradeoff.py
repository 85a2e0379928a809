"""Score against what it costs: parameters, multiply-adds, or images per second, with the Pareto front."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from leaderboard.charts.plots import HALF, Chart, Datum, Frame, draw
from leaderboard.charts.scales import name_count, span_decades
from leaderboard.models import Metric
from leaderboard.queries import ChartRow


@dataclass(frozen=True)
class Cost:
    """What scores are drawn against. Of a gain, such as speed, more is better."""

    key: str
    name: str | Promise
    read: Callable[[ChartRow], float | None]
    is_gain: bool = False


COSTS = (
    Cost("parameters", _("parameters"), lambda row: row.parameters),
    Cost("multiply_adds", _("multiply-adds"), lambda row: row.multiply_adds),
    Cost("speed", _("images/s"), lambda row: row.images_per_second, is_gain=True),
)
COST_KEYS = frozenset(cost.key for cost in COSTS)


def list_costs(rows: Sequence[ChartRow]) -> list[Cost]:
    """Return what these rows can be drawn against: what two of them at least are known to differ in."""
    return [cost for cost in COSTS if len({value for row in rows if (value := cost.read(row))}) > 1]


def draw_tradeoff(rows: Sequence[ChartRow], metric: Metric, cost: Cost, frame: Frame = HALF) -> Chart:
    """Return score against cost on a logarithmic axis."""
    data = sorted(collect(rows, cost), key=lambda datum: (datum.x, datum.value))
    span = span_decades(10 ** data[0].x, 10 ** data[-1].x)
    chart = draw(data, metric, span, str(cost.name), frame, is_reversed=cost.is_gain)
    # One front is enough to read: that of the claims stands in as long as nothing is verified.
    return replace(chart, claimed_path="") if chart.verified_path else chart


def collect(rows: Sequence[ChartRow], cost: Cost) -> list[Datum]:
    data = []
    for row in rows:
        count = cost.read(row)
        if not count:
            continue
        # A speed belongs to the run that verified the score, so a claim has none.
        stated = ((row.verified, True), (None if cost.is_gain else row.claimed, False))
        url = f"/models/{row.model_slug}/"
        data += [
            Datum(math.log10(count), name_count(count), value, row.model_name, flag, url)
            for value, flag in stated
            if value is not None
        ]
    return data
