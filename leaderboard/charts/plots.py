"""Charts of scores against something: numbers in, coordinates out."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from leaderboard.charts.fronts import Place, climb, step
from leaderboard.charts.labels import Label, place_labels, place_tip
from leaderboard.charts.scales import Scale, Span, choose_ticks
from leaderboard.models import Metric

# A page stays light and a chart readable: beyond the front so many points are drawn, the best.
MOST_POINTS = 140


@dataclass(frozen=True)
class Frame:
    """The size of a chart and the edges of its field, in pixels."""

    width: int = 560
    height: int = 258
    left: int = 44
    top: int = 30
    right_margin: int = 18
    bottom_margin: int = 42

    @property
    def right(self) -> int:
        return self.width - self.right_margin

    @property
    def bottom(self) -> int:
        return self.height - self.bottom_margin


HALF = Frame()
# Alone in its row a chart takes the whole of it, at the same height.
WHOLE = Frame(width=1156)


@dataclass(frozen=True)
class Datum:
    """A score at a place on the x axis, which `x_text` says in words."""

    x: float
    x_text: str
    value: float
    label: str
    is_verified: bool
    url: str


class Spot(NamedTuple):
    """A datum in its place."""

    x: float
    y: float
    value: float
    datum: Datum


@dataclass(frozen=True)
class Point:
    """A datum that is drawn, with where its name stands while it is pointed at."""

    x: float
    y: float
    datum: Datum
    tip: Label

    @property
    def value(self) -> float:
        return self.datum.value


@dataclass(frozen=True)
class Chart:
    """A chart ready to draw. Lines are SVG paths; `note` says what is not drawn."""

    frame: Frame
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    x_title: str
    unit: str
    points: tuple[Point, ...]
    labels: tuple[Label, ...]
    verified_path: str
    claimed_path: str
    is_thinned: bool = False


def draw(data: Sequence[Datum], metric: Metric, span: Span, x_title: str, frame: Frame, *, is_reversed: bool) -> Chart:
    """Place scores, the lines of the best verified and the best claimed, and the names along the first of them.

    `is_reversed`: more on the x axis is better, so that the line climbs from the right.
    """
    y_ticks = choose_ticks(min(d.value for d in data), max(d.value for d in data), 4)
    across = Scale(span.low, span.high, frame.left + 8, frame.right)
    up = Scale(y_ticks[0], y_ticks[-1], frame.bottom, frame.top)
    spots = [Spot(across.place(datum.x), up.place(datum.value), datum.value, datum) for datum in data]
    is_lower = metric.direction == Metric.Direction.LOWER
    verified = climb([spot for spot in spots if spot.datum.is_verified], is_lower=is_lower, is_reversed=is_reversed)
    claimed = climb([spot for spot in spots if not spot.datum.is_verified], is_lower=is_lower, is_reversed=is_reversed)
    shown = [make_point(spot, metric, frame) for spot in thin(spots, [*verified, *claimed], is_lower=is_lower)]
    edge = frame.left if is_reversed else frame.right
    named = [(point, point.datum.label) for point in reversed(verified or claimed)]
    if named:
        named[0] = (named[0][0], f"{named[0][1]} {named[0][0].value:.2f}")
    return Chart(
        frame=frame,
        x_ticks=tuple((across.place(x), text) for x, text in span.ticks),
        y_ticks=tuple((up.place(y), f"{y:g}") for y in y_ticks),
        x_title=x_title,
        unit=metric.unit,
        points=tuple(shown),
        labels=tuple(place_labels(named, shown, [*trace(verified, edge), *trace(claimed, edge)], frame)),
        verified_path=step(verified, edge),
        claimed_path=step(claimed, edge),
        is_thinned=len(shown) < len(spots),
    )


def make_point(spot: Spot, metric: Metric, frame: Frame) -> Point:
    text = f"{spot.datum.label} {spot.value:.{min(metric.decimals, 3)}f}"
    return Point(spot.x, spot.y, spot.datum, place_tip(spot.x, spot.y, text, frame))


def thin(spots: Sequence[Spot], kept: Sequence[Spot], *, is_lower: bool) -> list[Spot]:
    """Return what is drawn: what is kept first and the best of the others, claims before and so below verified."""
    best = sorted(spots, key=lambda spot: spot.value if is_lower else -spot.value)
    some = kept[:: -(-len(kept) // MOST_POINTS) or 1]
    chosen = set(itertools.islice(dict.fromkeys(map(id, [*some, *best])), MOST_POINTS))
    return sorted((spot for spot in spots if id(spot) in chosen), key=lambda spot: spot.datum.is_verified)


def trace(front: Sequence[Place], edge: float) -> Iterable[tuple[float, float, float, float]]:
    """Yield the boxes that the line covers, which names keep clear of."""
    for one, two in itertools.zip_longest(front, front[1:]):
        end = two.x if two else edge
        yield (min(one.x, end), one.y - 1, max(one.x, end), one.y + 1)
        if two:
            yield (two.x - 1, min(one.y, two.y), two.x + 1, max(one.y, two.y))
