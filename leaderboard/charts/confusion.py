"""What is taken for what, as a matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leaderboard.charts.classes import CLASSES_DRAWN
from leaderboard.charts.labels import Label
from leaderboard.charts.text import measure, shorten

CELL, MATRIX_TOP = 40, 30
# How long a name by a row may be, how far from it, and how large on a phone.
LONGEST, GAP, PHONE_SIZE = 18, 8, 14


@dataclass(frozen=True)
class MatrixCell:
    x: int
    y: int
    count: int
    true: str
    predicted: str
    is_right: bool
    opacity: float

    @property
    def is_deep(self) -> bool:
        """Tell whether the count reads better in the other of the two inks: greens are lighter than reds."""
        return self.opacity > (0.6 if self.is_right else 0.7)


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
    shown = [shorten(name, LONGEST) for name in names]
    left = GAP + round(max(measure(name, PHONE_SIZE) for name in shown))
    most_right = max(1, *(counts[i][i] for i in size))
    most_wrong = max(1, *(counts[i][j] for i in size for j in size if i != j))
    cells = tuple(
        MatrixCell(
            left + j * CELL,
            MATRIX_TOP + i * CELL,
            counts[i][j],
            names[i],
            names[j],
            i == j,
            round(0.06 + 0.74 * counts[i][j] / (most_right if i == j else most_wrong), 2),
        )
        for i in size
        for j in size
    )
    middle = (CELL - 3) / 2
    rows = tuple(Label(left - GAP, MATRIX_TOP + i * CELL + middle + 4, shown[i], "end") for i in size)
    columns = tuple(Label(left + i * CELL + middle, MATRIX_TOP - 10, names[i][:5], "middle") for i in size)
    return Matrix(cells, rows, columns, left + len(names) * CELL, MATRIX_TOP + len(names) * CELL)
