"""Submission and run states and the tables of transitions between them. Pure; database constraints mirror it."""

SUBMISSION_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "submitted": ("queued", "cancelled", "rejected"),
    "queued": ("running", "cancelled", "rejected", "stalled", "verified"),
    "running": ("verified", "failed", "queued", "cancelled", "rejected", "stalled"),
    "stalled": ("queued", "cancelled", "rejected", "verified"),
    "verified": ("retracted", "queued"),
    "failed": ("queued",),
    "retracted": ("queued",),
    "cancelled": (),
    "rejected": (),
}

RUN_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "queued": ("running", "cancelled"),
    "running": ("verified", "failed", "lost", "cancelled"),
    "verified": (),
    "failed": (),
    "lost": (),
    "cancelled": (),
}

# A run that is cut has parts. A lost one goes back to the queue, as its run goes on.
PART_TRANSITIONS: dict[str, tuple[str, ...]] = {
    "waiting": ("queued", "cancelled"),
    "queued": ("running", "cancelled"),
    "running": ("finished", "queued", "cancelled"),
    "finished": (),
    "cancelled": (),
}

SUBMISSION_STATES = tuple(SUBMISSION_TRANSITIONS)
RUN_STATES = tuple(RUN_TRANSITIONS)

# States in which nothing more happens by itself.
SETTLED = ("verified", "failed", "cancelled", "rejected", "stalled", "retracted")
CANCELLABLE = ("submitted", "queued", "running", "stalled")


class TransitionRefused(Exception):
    """The object is not in a state from which this move is allowed. The message is one plain sentence."""


def check_transition(table: dict[str, tuple[str, ...]], start: str, end: str) -> None:
    """Raises: TransitionRefused where the table has no such move."""
    if end not in table.get(start, ()):
        allowed = ", ".join(table.get(start, ())) or "nothing"
        raise TransitionRefused(f"What is {start} cannot become {end}; from here it can become {allowed}.")


def draw_diagram(table: dict[str, tuple[str, ...]]) -> str:
    """Return the table as a Mermaid state diagram, for the documentation."""
    lines = [f"    {start} --> {end}" for start, ends in table.items() for end in ends]
    return "\n".join(["stateDiagram-v2", *lines])
