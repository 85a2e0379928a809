"""What the demo says: steps, progress lines and the leaderboard as a table."""

import sys
from collections.abc import Sequence
from typing import Any


class DemoFailed(Exception):
    """The demo cannot go on. The message says why, and how to mend it."""


def say(text: str = "") -> None:
    print(text, flush=True)


def show_progress(text: str) -> None:
    """Write over the present line where there is a terminal, else print a line."""
    if sys.stdout.isatty():
        print(f"\r\033[K  {text}", end="", flush=True)
    else:
        print(f"  {text}", flush=True)


def end_progress() -> None:
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)


def draw_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(f"  {line}".rstrip() for line in lines)


def draw_leaderboard(rows: Sequence[dict[str, Any]]) -> str:
    """Return the leaderboard, as the API gives it, for a terminal."""
    head = ("rank", "model", "Acc@1 verified", "95 % interval", "Acc@1 claimed", "verdict", "parameters")
    return draw_table(head, [draw_row(row) for row in rows])


def draw_row(row: dict[str, Any]) -> tuple[str, ...]:
    score, claim = (row["verified"] or {}).get("top1"), (row["claims"] or {}).get("top1")
    rank = str(row["rank"] or "–")
    if row["rank"] and row["rank_low"] != row["rank_high"]:
        rank += f" ({row['rank_low']}–{row['rank_high']})"
    return (
        rank,
        row["model"]["name"],
        f"{score['value']:.2f}" if score else "not verified",
        f"{score['low']:.2f} – {score['high']:.2f}" if score else "",
        f"{claim:.2f}" if claim is not None else "none",
        "mismatch: below the claim" if row["status"] == "mismatch" else row["verdict"],
        f"{row['parameters']:,}" if row["parameters"] else "",
    )
