"""The one function that moves a submission or a run from state to state."""

import datetime as dt
from typing import Any

from django.db import transaction

from leaderboard.models import Run, Submission
from leaderboard.services import audit
from leaderboard.states import RUN_TRANSITIONS, SUBMISSION_TRANSITIONS, TransitionRefused, check_transition

TABLES = {Submission: SUBMISSION_TRANSITIONS, Run: RUN_TRANSITIONS}


def move(row: Submission | Run, to: str, *, by: audit.Actor, at: dt.datetime, reason: str = "", **values: Any) -> None:
    """Move the row, set `values` with it, and write the audit line, all in one transaction.

    The update is conditional on the state (and, of a run, the fencing token) that `row` was read with, so that of
    two movers one wins. Raises: TransitionRefused where the table has no such move, or somebody else was first.
    """
    start = row.state
    check_transition(TABLES[type(row)], start, to)
    if isinstance(row, Submission):
        values |= {"state_reason": reason, "changed_at": at}
    with transaction.atomic():
        condition = {"pk": row.pk, "state": start} | ({"token": row.token} if isinstance(row, Run) else {})
        moved = type(row)._default_manager.filter(**condition).update(state=to, **values)
        if not moved:
            raise TransitionRefused(f"This {row._meta.verbose_name} is no longer {start}; load the page again.")
        audit.record("move", row, by=by, at=at, moved=(start, to), reason=reason)
    for name, value in {"state": to, **values}.items():
        setattr(row, name, value)
