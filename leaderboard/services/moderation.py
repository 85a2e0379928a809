"""What an admin does to keep the tables true. Each takes a reason that is kept and shown."""

import datetime as dt

from django.db import transaction
from django.utils.translation import gettext as _

from leaderboard.models import Entry, Result, Run, Submission
from leaderboard.services import audit, standings
from leaderboard.services.submissions import close, enqueue
from leaderboard.services.transitions import move


class ReasonRequired(ValueError):
    """A moderation without a reason. The message is one plain sentence."""

    def __init__(self) -> None:
        super().__init__(_("Give a reason; it is shown to the submitter and kept in the audit trail."))


def need_reason(reason: str) -> str:
    """Raises: ReasonRequired."""
    if not reason.strip():
        raise ReasonRequired
    return reason.strip()


@transaction.atomic
def reject(submission: Submission, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Refuse a submission that is not finished. Raises: TransitionRefused, ReasonRequired."""
    close(submission, "rejected", by=by, at=at, reason=need_reason(reason))


@transaction.atomic
def retract(submission: Submission, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Take a verified score off the board; its history stays. Raises: TransitionRefused, ReasonRequired."""
    reason = need_reason(reason)
    move(submission, "retracted", by=by, at=at, reason=reason)
    results = Result.objects.filter(run__submission=submission, retracted_at=None).select_related("entry")
    for result in results:
        Result.objects.filter(pk=result.pk).update(retracted_at=at, retraction_reason=reason)
        standings.refresh_entry(result.entry)


@transaction.atomic
def rerun(submission: Submission, *, by: audit.Actor, at: dt.datetime, reason: str) -> Run:
    """Queue a further attempt of a settled submission. Raises: TransitionRefused, ReasonRequired."""
    return enqueue(submission, by=by, at=at, reason=need_reason(reason))


@transaction.atomic
def hide(entry: Entry, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Take an entry out of sight; nothing of it is deleted. Raises: ReasonRequired."""
    set_hidden(entry, True, by=by, at=at, reason=need_reason(reason))


@transaction.atomic
def unhide(entry: Entry, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Bring a hidden entry back. Raises: ReasonRequired."""
    set_hidden(entry, False, by=by, at=at, reason=need_reason(reason))


def set_hidden(entry: Entry, is_hidden: bool, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    entry.is_hidden, entry.hidden_reason = is_hidden, reason if is_hidden else ""
    entry.save(update_fields=["is_hidden", "hidden_reason"])
    audit.record("hide" if is_hidden else "unhide", entry, by=by, at=at, reason=reason)
    standings.refresh_entry(entry)
