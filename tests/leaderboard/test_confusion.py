"""The counts of a confusion matrix, on whatever shade of their colour they stand."""

import re

import pytest

from leaderboard.charts import draw_confusion
from leaderboard.charts.confusion import MatrixCell
from tests.processes import ROOT

Colour = tuple[float, ...]
STYLES = (ROOT / "static" / "css" / "veriboard.css").read_text()
LIGHT, DARK = (dict(re.findall(r"--(\w+): (#\w{6});", part)) for part in STYLES.split("prefers-color-scheme: dark")[:2])
# Of text beside its ground; a browser's makers call 4.5 enough for small text, and 3 for what else is to be told apart.
ENOUGH = 3.6


def read_colour(text: str) -> Colour:
    return tuple(int(text[place : place + 2], 16) / 255 for place in (1, 3, 5))


def find_luminance(colour: Colour) -> float:
    """Source: WCAG 2.2, relative luminance."""
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def find_contrast(one: Colour, other: Colour) -> float:
    """Source: WCAG 2.2, contrast ratio."""
    low, high = sorted(find_luminance(colour) + 0.05 for colour in (one, other))
    return high / low


def draw_shades() -> list[MatrixCell]:
    """Return cells of every shade, right ones and wrong ones."""
    size = 20
    names = [{"name": f"class {number}"} for number in range(size)]
    matrix = draw_confusion(
        {"confusion": [[row + column for column in range(size)] for row in range(size)], "per_class": names}
    )
    assert matrix
    return list(matrix.cells)


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
def test_counts_are_read_on_every_shade(look: dict[str, str]) -> None:
    colours = {name: read_colour(text) for name, text in look.items()}
    for cell in draw_shades():
        full = colours["verified" if cell.is_right else "below"]
        ground = tuple(
            cell.opacity * one + (1 - cell.opacity) * other for one, other in zip(full, colours["sheet"], strict=True)
        )
        # As in the stylesheet: on a full green the dark ink in both looks.
        deep = read_colour(LIGHT["ink"]) if cell.is_right else colours["sheet"]
        assert find_contrast(deep if cell.is_deep else colours["ink"], ground) > ENOUGH, cell
