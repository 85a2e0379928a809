"""The best score over time, claimed and verified."""

import datetime as dt
from collections.abc import Sequence

from django.utils.translation import gettext as _

from leaderboard.charts.plots import HALF, Chart, Datum, Frame, draw
from leaderboard.charts.scales import span_days
from leaderboard.models import Metric
from leaderboard.queries import ChartRow


def has_trend(rows: Sequence[ChartRow]) -> bool:
    """Tell whether there is anything to draw."""
    return any(has_two_days(collect(rows, is_published=flag)) for flag in (True, False))


def draw_trend(rows: Sequence[ChartRow], metric: Metric, frame: Frame = HALF) -> Chart | None:
    """Return the chart over the papers' dates, without them over the days of verification; None without two days."""
    data, title = collect(rows, is_published=True), _("paper published")
    if not has_two_days(data):
        data, title = collect(rows, is_published=False), _("verified on")
    if not has_two_days(data):
        return None
    first, last = (dt.date.fromordinal(int(data[place].x)) for place in (0, -1))
    return draw(data, metric, span_days(first, last), title, frame, is_reversed=False)


def has_two_days(data: Sequence[Datum]) -> bool:
    return len({datum.x for datum in data}) > 1


def collect(rows: Sequence[ChartRow], *, is_published: bool) -> list[Datum]:
    """Return the scores by day. A claim has the day of its paper only; when it was entered here says nothing."""
    data = []
    for row in rows:
        day = row.published_on if is_published else row.verified_at and row.verified_at.date()
        if day is None:
            continue
        stated = ((row.verified, True), (row.claimed if is_published else None, False))
        url, x = f"/models/{row.model_slug}/", float(day.toordinal())
        data += [
            Datum(x, day.isoformat(), value, row.model_name, flag, url) for value, flag in stated if value is not None
        ]
    return sorted(data, key=lambda datum: (datum.x, datum.value))
