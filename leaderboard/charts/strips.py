"""The strips of a board: verified score, interval and claim of each row on one axis."""

from collections.abc import Iterable
from typing import NamedTuple

from leaderboard.charts.scales import choose_ticks
from leaderboard.figures import write_score
from leaderboard.models import Metric
from leaderboard.tables.boards import Cell

STRIP_WIDTH, STRIP_PAD = 220, 12


class Axis(NamedTuple):
    """The shared axis of the strips, which takes a score to its pixel; each tick is its text and its pixel."""

    low: float
    # Pixels a point.
    scale: float
    ticks: tuple[tuple[str, str], ...] = ()

    def place(self, value: float) -> float:
        return round(STRIP_PAD + (value - self.low) * self.scale, 1)


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
        ticks = [ticks[0] - 1, ticks[0], ticks[0] + 1]
    if all(metric.holds(value) for value in values):
        ticks = sorted({metric.limit(tick) for tick in ticks})
    axis = Axis(ticks[0], (STRIP_WIDTH - 2 * STRIP_PAD) / (ticks[-1] - ticks[0]))
    return axis._replace(ticks=tuple((write_score(tick).removesuffix(".00"), f"{axis.place(tick)}") for tick in ticks))


def make_strip(axis: Axis, cell: Cell) -> Strip:
    return Strip(
        None if cell.verified is None else axis.place(cell.verified),
        None if cell.low is None else axis.place(cell.low),
        None if cell.high is None else axis.place(cell.high),
        None if cell.claimed is None else axis.place(cell.claimed),
    )
