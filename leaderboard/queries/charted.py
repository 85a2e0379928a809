"""What the charts of a board show."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace

from leaderboard.models import Benchmark, Metric, Result, Standing

# The charts of a larger board show its best entries, and speeds of fewer: these lie in long reports.
CHARTED, TIMED = 1000, 200


@dataclass(frozen=True)
class ChartRow:
    """What the charts need of an entry."""

    model_slug: str
    model_name: str
    parameters: int | None
    multiply_adds: int | None
    published_on: dt.date | None
    verified_at: dt.datetime | None
    claimed: float | None
    verified: float | None
    images_per_second: float | None = None


def read_chart_rows(benchmark: Benchmark, metric: Metric, count: int = CHARTED) -> list[ChartRow]:
    """Return the best entries of a board, with two queries."""
    standings = Standing.objects.filter(benchmark=benchmark, metric=metric, is_visible=True)
    columns = ("slug", "name", "parameters", "multiply_adds", "paper__published_on")
    values = standings.order_by("-order_value", "entry_id").values_list(
        "entry_id", *(f"entry__model__{column}" for column in columns), "entry__verified_at", "claimed", "verified"
    )
    rows = list(values[:count])
    speeds = read_speeds([row[0] for row in rows if row[-1] is not None][:TIMED])
    return [replace(ChartRow(*facts), images_per_second=speeds.get(entry_id)) for entry_id, *facts in rows]


def read_speeds(entry_ids: list[int]) -> dict[int, float]:
    """Return images per second of the entries' standing results, of the device that most of them were verified on."""
    results = Result.objects.filter(entry_id__in=entry_ids, retracted_at=None).order_by("created_at")
    columns = ("entry_id", "report__environment__device", "report__timing__images_per_second")
    found = {entry: (device, speed) for entry, device, speed in results.values_list(*columns) if speed}
    devices = Counter(device for device, _speed in found.values())
    # Speeds of different machines say nothing about the models.
    usual = devices.most_common(1)[0][0] if devices else None
    return {entry: float(speed) for entry, (device, speed) in found.items() if device == usual}
