"""Where the time of a run went, as one bar."""

from collections.abc import Mapping
from dataclasses import dataclass

STAGES = ("preparing", "predicting", "scoring")
WIDTH, GAP = 600.0, 2.0


@dataclass(frozen=True)
class Segment:
    """A stage with its seconds, and its part of the bar in pixels."""

    stage: str
    seconds: float
    x: float
    length: float


def draw_timings(seconds: Mapping[str, float]) -> tuple[Segment, ...]:
    """Return the stages in their order, none where the report does not tell them apart."""
    known = [(stage, seconds[stage]) for stage in STAGES if stage in seconds]
    total = sum(value for _stage, value in known)
    if not total:
        return ()
    segments, x = [], 0.0
    for stage, value in known:
        length = (WIDTH - GAP * (len(known) - 1)) * value / total
        segments.append(Segment(stage, value, round(x, 1), round(length, 1)))
        x += length + GAP
    return tuple(segments)
