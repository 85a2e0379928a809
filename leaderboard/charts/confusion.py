"""What is taken for what, as a matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leaderboard.charts.classes import CLASSES_DRAWN
from leaderboard.charts.labels import Label

CELL, MATRIX_LEFT, MATRIX_TOP = 40, 96, 30


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
