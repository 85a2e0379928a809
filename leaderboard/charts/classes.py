"""How well each class is recognised, as bars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLASSES_DRAWN = 20


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
