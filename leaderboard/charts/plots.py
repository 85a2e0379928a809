"""Charts of scores against something: numbers in, coordinates out."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from leaderboard.charts.fronts import Place, climb, step
from leaderboard.charts.labels import Label, place_labels, place_tip
from leaderboard.charts.scales import Scale, Span, choose_ticks
from leaderboard.figures import write_score
from leaderboard.models import Metric

# A page stays light and a chart readable: of more, those on the lines are drawn and the best.
MOST_POINTS = 64


@dataclass(frozen=True)
class Frame:
    """The size of a chart and the edges of its field, in pixels."""

    width: int = 560
    height: int = 258
    left: int = 44
    top: int = 30
    right_margin: int = 18
    bottom_margin: int = 42
    # Of a name where the chart is drawn on a phone, which scales it down; 0 where it never is.
    phone_size: int = 16

    @property
    def right(self) -> int:
        return self.width - self.right_margin

    @property
    def bottom(self) -> int:
        return self.height - self.bottom_margin


HALF = Frame()
# Alone in its row a chart takes the whole of it, at the same height.
WHOLE = Frame(width=1156, phone_size=0)


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
    is_lower = metric.direction == Metric.Direction.LOWER
    fronts = [
        climb([datum for datum in data if datum.is_verified is kind], is_lower=is_lower, is_reversed=is_reversed)
        for kind in (True, False)
    ]
    chosen = thin(data, [datum for front in fronts for datum in front], is_lower=is_lower)
    # What is left out takes no room either.
    values = [datum.value for datum in itertools.chain(chosen, *fronts)]
    y_ticks = choose_ticks(min(values), max(values), 4)
    across = Scale(span.low, span.high, frame.left + 8, frame.right)
    up = Scale(y_ticks[0], y_ticks[-1], frame.bottom, frame.top)
    verified, claimed = ([Spot(across.place(d.x), up.place(d.value), d) for d in front] for front in fronts)
    shown = [make_point(across.place(datum.x), up.place(datum.value), datum, metric, frame) for datum in chosen]
    edge = frame.left if is_reversed else frame.right
    named = [(spot, spot.datum.label) for spot in reversed(verified or claimed)]
    if named:
        named[0] = (named[0][0], f"{named[0][1]} {write_score(named[0][0].datum.value)}")
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
        is_thinned=len(shown) < len(data),
    )


def make_point(x: float, y: float, datum: Datum, metric: Metric, frame: Frame) -> Point:
    text = f"{datum.label} {write_score(datum.value, min(metric.decimals, 3))}"
    return Point(x, y, datum, place_tip(x, y, text, frame))


def thin(data: Sequence[Datum], kept: Sequence[Datum], *, is_lower: bool) -> list[Datum]:
    """Return what is drawn: what is kept first and the best of the others, claims before and so below verified."""
    best = sorted(data, key=lambda datum: datum.value if is_lower else -datum.value)
    some = kept[:: -(-len(kept) // MOST_POINTS) or 1]
    chosen = set(itertools.islice(dict.fromkeys(map(id, [*some, *best])), MOST_POINTS))
    return sorted((datum for datum in data if id(datum) in chosen), key=lambda datum: datum.is_verified)


def trace(front: Sequence[Place], edge: float) -> Iterable[tuple[float, float, float, float]]:
    """Yield the boxes that the line covers, which names keep clear of."""
    for one, two in itertools.zip_longest(front, front[1:]):
        end = two.x if two else edge
        yield (min(one.x, end), one.y - 1, max(one.x, end), one.y + 1)
        if two:
            yield (two.x - 1, min(one.y, two.y), two.x + 1, max(one.y, two.y))
