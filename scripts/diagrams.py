"""Write the state diagrams of leaderboard/states.py into docs/architecture.md."""

import sys
from pathlib import Path

from leaderboard.states import PART_TRANSITIONS, RUN_TRANSITIONS, SUBMISSION_TRANSITIONS, draw_diagram

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "architecture.md"
TABLES = {"submission": SUBMISSION_TRANSITIONS, "run": RUN_TRANSITIONS, "part": PART_TRANSITIONS}


def renew(text: str) -> str:
    """Return the document with each `<!-- states: NAME -->` block drawn from its table."""
    for name, table in TABLES.items():
        start, end = f"<!-- states: {name} -->\n", "<!-- end -->"
        if text.count(start) != 1:
            sys.exit(f"docs/architecture.md has no block for the states of a {name}.")
        before, rest = text.split(start)
        text = f"{before}{start}```mermaid\n{draw_diagram(table)}\n```\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(renew(DOCUMENT.read_text()))
