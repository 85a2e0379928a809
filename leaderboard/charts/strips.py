"""The strips of a board: verified score, interval and claim of each row on one axis."""

from collections.abc import Iterable
from typing import NamedTuple

from leaderboard.charts.scales import choose_ticks
from leaderboard.models import Metric
from leaderboard.tables.boards import Cell

STRIP_WIDTH, STRIP_PAD = 220, 12


class Axis(NamedTuple):
    """The shared axis of the strips: a score to its place in pixels."""

    low: float
    high: float
    ticks: tuple[tuple[float, float], ...]
    key: str

    def place(self, value: float | None) -> float | None:
        low, high = self.low, self.high
        if value is None or high <= low:
            return None
        share = (value - low) / (high - low)
        return round(STRIP_PAD + max(0.0, min(1.0, share)) * (STRIP_WIDTH - 2 * STRIP_PAD), 1)


class Strip(NamedTuple):
    """One row on the axis: the verified score with its interval, the claim, and the line between them."""

    verified: float | None
    low: float | None
    high: float | None
    claimed: float | None


def make_axis(cells: Iterable[Cell | None], metric: Metric) -> Axis | None:
    """Return the axis that holds all these scores, None where there are none."""
    values = [v for cell in cells if cell for v in (cell.verified, cell.low, cell.high, cell.claimed) if v is not None]
    if not values:
        return None
    ticks = choose_ticks(min(values), max(values), 3)
    if len(ticks) < 2:
        ticks = [ticks[0] - 1, ticks[0] + 1]
    if all(metric.holds(value) for value in values):
        ticks = [tick for tick in ticks if metric.holds(tick)]
    axis = Axis(ticks[0], ticks[-1], (), metric.key)
    return Axis(axis.low, axis.high, tuple((tick, axis.place(tick) or 0.0) for tick in ticks), axis.key)


def make_strip(axis: Axis, cell: Cell) -> Strip:
    return Strip(axis.place(cell.verified), axis.place(cell.low), axis.place(cell.high), axis.place(cell.claimed))
