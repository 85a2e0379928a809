"""How rare a text is among the names of models, judged from five hundred of them.

PostgreSQL judges from a hundred. Where one of these happens to hold a rare text, it takes one name in a hundred to hold
it, and walks down a board of a million.
"""

import time
from dataclasses import dataclass, field

from django.db import connection

SAMPLE = 500
KEPT_SECONDS = 600
# A page shows fifty rows, and a step down the board takes twice as long as one of a look-up (docs/performance.md).
WALKED = 100
# The multiples of the golden ratio spread evenly over the models' numbers.
DRAW = """
SELECT UPPER(model.name), drawn.last
FROM (SELECT 1 + FLOOR(last * (i * 0.6180339887 - FLOOR(i * 0.6180339887)))::bigint AS id, last
      FROM (SELECT MAX(id) AS last FROM leaderboard_model) AS models, GENERATE_SERIES(1, %s) AS i) AS drawn
JOIN leaderboard_model AS model ON model.id = drawn.id
"""


@dataclass(frozen=True)
class Sample:
    """Some names in upper case, of all of `models`."""

    names: tuple[str, ...]
    models: int
    read_at: float = field(default_factory=time.monotonic)

    @property
    def is_recent(self) -> bool:
        return time.monotonic() <= self.read_at + KEPT_SECONDS

    def is_rare(self, text: str, entries: int) -> bool:
        """Tell whether it is quicker to look up all names that hold the text, and then their rows, than to walk down a
        board of so many entries until a page is full.
        """
        text = text.upper()
        # A half, so that what no name of these holds is not taken for impossible.
        share = (sum(text in name for name in self.names) + 0.5) / (len(self.names) + 1)
        return share * self.models < min(entries, WALKED / share)


# Only read, so that threads may share it.
_kept: list[Sample] = []


def read_sample() -> Sample:
    """Return the names that this process has read, or others where that was long ago."""
    if not _kept or not _kept[0].is_recent:
        _kept[:] = [draw_sample()]
    return _kept[0]


def draw_sample() -> Sample:
    with connection.cursor() as cursor:
        cursor.execute(DRAW, [SAMPLE])
        found = cursor.fetchall()
    # A number that is no model's finds nothing.
    return Sample(tuple(name for name, _ in found), round(sum(last for _, last in found) / SAMPLE))


def forget_names() -> None:
    """Forget the sample, as a process that has just started."""
    _kept.clear()
