"""Names beside points: never over each other, over a point or a line, nor outside of the frame."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from leaderboard.charts.fronts import Place
from leaderboard.charts.text import measure, shorten

Box = tuple[float, float, float, float]
ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}
USUAL, ASCENT, DESCENT, RADIUS, MARGIN = 11, 10, 3, 5, 3
# Where a name may stand: anchor, and how far from its point. Above and to the left is free where a line climbs.
SPOTS = (
    ("end", -6, -7),
    ("start", 7, 15),
    ("middle", 0, -10),
    ("start", 7, -7),
    ("end", -7, 16),
    ("middle", 0, 20),
    ("end", -6, -20),
    ("start", 9, 28),
)


class Field(Protocol):
    """What a name must stay in."""

    @property
    def width(self) -> int: ...
    @property
    def left(self) -> int: ...
    @property
    def bottom(self) -> int: ...
    @property
    def phone_size(self) -> int: ...


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    text: str
    anchor: str


def place_labels(
    named: Iterable[tuple[Place, str]], points: Sequence[Place], lines: Sequence[Box], field: Field
) -> Iterator[Label]:
    """Yield the names that find room, the first ones first; the very first, where it can, in the size of phones."""
    taken = [*lines, *((p.x - RADIUS, p.y - RADIUS, p.x + RADIUS, p.y + RADIUS) for p in points)]
    sizes = (field.phone_size, USUAL) if field.phone_size else (USUAL,)
    for point, text in named:
        short = shorten(text)
        spots = itertools.chain(*(find_spots(point, short, size) for size in sizes))
        sizes = (USUAL,)
        found = next((spot for spot in spots if is_free(spot[1], taken, field)), None)
        if found is not None:
            label, box = found
            taken.append(box)
            yield label


def find_spots(point: Place, text: str, size: float) -> Iterator[tuple[Label, Box]]:
    """Yield the places that the name may take, each with the box that it covers there."""
    width, scale = measure(text, size), size / USUAL
    for anchor, dx, dy in SPOTS:
        x, y = point.x + dx, point.y + dy
        begin = x - width * ANCHORS[anchor]
        box = (begin, y - ASCENT * scale, begin + width, y + DESCENT * scale)
        yield Label(round(x, 1), round(y, 1), text, anchor), box


def is_free(box: Box, taken: Iterable[Box], field: Field) -> bool:
    left, top, right, bottom = box
    is_inside = left >= field.left + MARGIN and right <= field.width - MARGIN and top >= MARGIN
    return is_inside and bottom <= field.bottom - MARGIN and not any(overlaps(box, other) for other in taken)


def overlaps(one: Box, two: Box) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def place_tip(x: float, y: float, text: str, field: Field) -> Label:
    """Return where the name stands while the point is pointed at: above it, below it at the top, never outside."""
    text = shorten(text, 44)
    half = measure(text, 12) / 2 + MARGIN
    middle = min(max(x, half), field.width - half)
    return Label(round(middle), round(y - 11 if y > 26 else y + 22), text, "middle")
