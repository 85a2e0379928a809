"""Geometry of the charts: numbers in, coordinates out. Pure; templates draw them as SVG."""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboard.models import Metric
from leaderboard.queries import ChartRow
from leaderboard.tables.boards import Cell

WIDTH, HEIGHT = 560, 230
LEFT, RIGHT, TOP, BOTTOM = 40, 16, 22, 28
STRIP_WIDTH, STRIP_PAD = 220, 12
LABEL_WIDTH, LABEL_HEIGHT = 6.3, 13
ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}
Box = tuple[float, float, float, float]
CELL, MATRIX_LEFT, MATRIX_TOP = 40, 96, 30
CLASSES_DRAWN = 20


def choose_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return round numbers from at most `low` to at least `high`, about `count` of them."""
    span = max(high - low, 1e-9)
    step = 10 ** math.floor(math.log10(span / count))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= count)
    first = math.floor(low / step)
    last = math.ceil(high / step)
    return [round(step * each, 10) for each in range(first, last + 1)]


@dataclass(frozen=True)
class Axis:
    """The shared axis of the strips: a score to its place in pixels."""

    low: float
    high: float
    ticks: tuple[tuple[float, float], ...]
    key: str

    def place(self, value: float | None) -> float | None:
        if value is None or self.high <= self.low:
            return None
        share = (value - self.low) / (self.high - self.low)
        return round(STRIP_PAD + max(0.0, min(1.0, share)) * (STRIP_WIDTH - 2 * STRIP_PAD), 1)


@dataclass(frozen=True)
class Strip:
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


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    label: str
    value: float
    is_verified: bool
    url: str


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    text: str
    anchor: str


@dataclass(frozen=True)
class Chart:
    """A chart ready to draw. Lines are SVG paths."""

    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    points: tuple[Point, ...]
    labels: tuple[Label, ...]
    verified_path: str
    claimed_path: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True)
class Datum:
    """A score at a place on the x axis."""

    x: float
    value: float
    label: str
    is_verified: bool
    url: str


def scale(value: float, low: float, high: float, begin: float, end: float) -> float:
    share = 0.5 if high <= low else (value - low) / (high - low)
    return round(begin + share * (end - begin), 1)


def collect(rows: Iterable[ChartRow], place: Callable[[ChartRow], float | None]) -> list[Datum]:
    """Return a datum for each verified score and each claim whose place on the x axis is known."""
    data = []
    for row in rows:
        x = place(row)
        if x is None:
            continue
        stated = ((row.verified, True), (row.claimed, False))
        url = f"/models/{row.model_slug}/"
        data += [Datum(x, value, row.model_name, flag, url) for value, flag in stated if value is not None]
    return sorted(data, key=lambda datum: (datum.x, datum.value))


def draw_trend(rows: Sequence[ChartRow], metric: Metric) -> Chart | None:
    """Return the best score over the papers' dates, verified and claimed as two lines; None without two dates."""
    data = collect(rows, lambda row: row.published_on.toordinal() if row.published_on else None)
    if len({datum.x for datum in data}) < 2:
        return None
    first, last = (dt.date.fromordinal(int(data[i].x)).year for i in (0, -1))
    years = range(first, last + 2)
    low, high = (dt.date(year, 1, 1).toordinal() for year in (years[0], years[-1]))
    ticks = [(float(dt.date(year, 1, 1).toordinal()), str(year)) for year in years]
    return draw(data, metric, low, high, ticks, is_front=False)


def draw_tradeoff(rows: Sequence[ChartRow], metric: Metric) -> Chart | None:
    """Return score against parameters (log scale) with the Pareto front of each kind; None without two sizes."""
    data = collect(rows, lambda row: math.log10(row.parameters) if row.parameters else None)
    if len({datum.x for datum in data}) < 2:
        return None
    low, high = data[0].x - 0.1, data[-1].x + 0.1
    marks = [factor * 10**power for power in range(2, 12) for factor in (1, 2, 5)]
    shown = [mark for mark in marks if low <= math.log10(mark) <= high]
    if len(shown) > 7:
        shown = [mark for mark in shown if math.log10(mark).is_integer()]
    ticks = [(math.log10(mark), name_count(mark)) for mark in shown]
    return draw(data, metric, low, high, ticks, is_front=True)


def name_count(count: float) -> str:
    """Return a number of parameters such as 25.6 M."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f}"


def draw(
    data: list[Datum], metric: Metric, low: float, high: float, x_ticks: list[tuple[float, str]], *, is_front: bool
) -> Chart:
    values = [datum.value for datum in data]
    y_ticks = choose_ticks(min(values), max(values), 3)
    bottom, top = y_ticks[0], y_ticks[-1]
    points = tuple(
        Point(
            scale(d.x, low, high, LEFT + 8, WIDTH - RIGHT),
            scale(d.value, bottom, top, HEIGHT - BOTTOM, TOP),
            d.label,
            d.value,
            d.is_verified,
            d.url,
        )
        for d in data
    )
    is_lower = metric.direction == "lower"
    verified = climb([p for p in points if p.is_verified], is_lower)
    claimed = climb([p for p in points if not p.is_verified], is_lower)
    return Chart(
        x_ticks=tuple((scale(x, low, high, LEFT + 8, WIDTH - RIGHT), text) for x, text in x_ticks),
        y_ticks=tuple((scale(y, bottom, top, HEIGHT - BOTTOM, TOP), f"{y:g}") for y in y_ticks),
        points=points,
        labels=tuple(place_labels(verified or claimed, points)),
        verified_path=step(verified),
        claimed_path="" if is_front else step(claimed),
    )


def climb(points: list[Point], is_lower: bool) -> list[Point]:
    """Return the points that are better than all before them."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.x, -p.value if not is_lower else p.value)):
        if not front or (point.value < front[-1].value if is_lower else point.value > front[-1].value):
            front.append(point)
    return front


def step(front: list[Point]) -> str:
    """Return the path of a line that holds its height until the next better point."""
    if not front:
        return ""
    path = [f"M{front[0].x} {front[0].y}"]
    for point in front[1:]:
        path.append(f"H{point.x}V{point.y}")
    return "".join([*path, f"H{WIDTH - RIGHT}"])


def place_labels(front: list[Point], points: Sequence[Point]) -> Iterable[Label]:
    """Yield labels of the front's points, best first, that overlap neither each other nor a point."""
    taken: list[Box] = []
    for point in reversed(front):
        width = len(point.label) * LABEL_WIDTH
        for anchor, x, y in (
            ("end", point.x - 6, point.y - 6),
            ("start", point.x + 6, point.y + 14),
            ("middle", point.x, point.y - 9),
        ):
            begin = x - width * ANCHORS[anchor]
            box = (begin, y - LABEL_HEIGHT, begin + width, y + 2)
            if is_free(box, taken, points):
                taken.append(box)
                yield Label(round(x, 1), round(y, 1), point.label, anchor)
                break


def is_free(box: Box, taken: Iterable[Box], points: Iterable[Point]) -> bool:
    """Tell whether a label fits the chart there and covers neither another label nor a point."""
    left, top, right, bottom = box
    is_inside = left >= LEFT + 2 and right <= WIDTH and top >= 0
    covers_point = any(left < point.x < right and top < point.y < bottom for point in points)
    return is_inside and not covers_point and not any(overlaps(box, other) for other in taken)


def overlaps(one: Box, two: Box) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


@dataclass(frozen=True)
class Bar:
    """A class with its accuracy or average precision in percent, and the length of its bar in pixels."""

    name: str
    accuracy: float
    note: str
    length: float


def draw_classes(analysis: Mapping[str, Any], width: int = 280) -> tuple[Bar, ...]:
    """Return the classes, best first; of many, the best and the worst ten."""
    found = [
        (row["accuracy"], row["name"], f"{row['correct']} / {row['total']}")
        for row in analysis.get("per_class", [])
        if row["total"]
    ]
    found += [(row["map"], row["name"], "") for row in analysis.get("average_precision", []) if row["map"] is not None]
    rows = sorted(found, key=lambda row: (-row[0], row[1]))
    if len(rows) > CLASSES_DRAWN:
        rows = rows[: CLASSES_DRAWN // 2] + rows[-CLASSES_DRAWN // 2 :]
    return tuple(Bar(name, value, note, round(value / 100 * width, 1)) for value, name, note in rows)


@dataclass(frozen=True)
class MatrixCell:
    x: int
    y: int
    count: int
    true: str
    predicted: str
    is_right: bool
    opacity: float


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix ready to draw: true class by row, predicted by column."""

    cells: tuple[MatrixCell, ...]
    rows: tuple[Label, ...]
    columns: tuple[Label, ...]
    width: int
    height: int
    cell: int = CELL - 3


def draw_confusion(analysis: Mapping[str, Any]) -> Matrix | None:
    """Return the matrix of an evaluation with at most twenty classes, else None."""
    counts = analysis.get("confusion")
    names = [row["name"] for row in analysis.get("per_class", [])]
    if not counts or not 2 <= len(names) <= CLASSES_DRAWN:
        return None
    size = range(len(names))
    most_right = max(1, *(counts[i][i] for i in size))
    most_wrong = max(1, *(counts[i][j] for i in size for j in size if i != j))
    cells = tuple(
        MatrixCell(
            MATRIX_LEFT + j * CELL,
            MATRIX_TOP + i * CELL,
            counts[i][j],
            names[i],
            names[j],
            i == j,
            round(0.06 + 0.8 * counts[i][j] / (most_right if i == j else most_wrong), 2),
        )
        for i in size
        for j in size
    )
    middle = (CELL - 3) / 2
    rows = tuple(Label(MATRIX_LEFT - 8, MATRIX_TOP + i * CELL + middle + 4, names[i], "end") for i in size)
    columns = tuple(Label(MATRIX_LEFT + i * CELL + middle, MATRIX_TOP - 10, names[i][:5], "middle") for i in size)
    return Matrix(cells, rows, columns, MATRIX_LEFT + len(names) * CELL, MATRIX_TOP + len(names) * CELL)


@dataclass(frozen=True)
class Badge:
    """A badge in two halves: what was measured, and the score. `split` is where the second begins, in pixels."""

    label: str
    text: str
    split: int
    width: int

    @property
    def edge(self) -> int:
        return self.width - 4

    @property
    def begin(self) -> int:
        return self.split + 8


def draw_badge(label: str, value: str, word: str) -> Badge:
    text = f"{value} {word}"
    split = measure(label) + 16
    return Badge(label, text, split, split + measure(text) + 16)


def measure(text: str) -> int:
    """Return about how wide 11 px text is; a Chinese character is as wide as high."""
    return round(sum(11 if ord(sign) > 0x2E80 else 6.5 for sign in text))
