"""The best so far: who is better than everything before it, and the line through them."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Scored(Protocol):
    """Something that stands somewhere along the chart and has a score."""

    @property
    def x(self) -> float: ...
    @property
    def value(self) -> float: ...


class Place(Protocol):
    """Something with a place in the chart."""

    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...


S = TypeVar("S", bound=Scored)


def climb(points: Sequence[S], *, is_lower: bool, is_reversed: bool = False) -> list[S]:
    """Return the points that are better than all before them, from the left or, reversed, from the right."""
    front: list[S] = []
    side, sign = (-1 if is_reversed else 1), (1 if is_lower else -1)
    for point in sorted(points, key=lambda each: (side * each.x, sign * each.value)):
        if not front or sign * point.value < sign * front[-1].value:
            front.append(point)
    return front


def step(front: Sequence[Place], edge: float) -> str:
    """Return the path of a line that holds its height until the next better point, and then up to the edge."""
    if not front:
        return ""
    path = [f"M{front[0].x} {front[0].y}"]
    path += [f"H{point.x}V{point.y}" for point in front[1:]]
    return "".join([*path, f"H{edge}"])
