"""The badge for a README."""

from dataclasses import dataclass

from leaderboard.charts.text import measure


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
    split = round(measure(label)) + 16
    return Badge(label, text, split, split + round(measure(text)) + 16)
