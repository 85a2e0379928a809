"""What an admin does to keep the tables true. Each takes a reason that is kept and shown."""

import datetime as dt

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils.translation import gettext as _

from leaderboard.models import Ban, Benchmark, Entry, Result, Run, Submission
from leaderboard.queries.moderation import LOOKED_AT, name_findings
from leaderboard.services import audit
from leaderboard.services.boards import arrears, standings
from leaderboard.services.running.attempts import cancel, close, enqueue
from leaderboard.services.running.transitions import move
from leaderboard.services.telling import notices
from leaderboard.states import CANCELLABLE


class ReasonRequired(ValueError):
    """A moderation without a reason. The message is one plain sentence."""

    def __init__(self) -> None:
        super().__init__(_("Give a reason; it is shown to the submitter and kept in the audit trail."))


class BanRefused(ValueError):
    """This account cannot be banned, or is not. The message is one plain sentence."""


def need_reason(reason: str) -> str:
    """Raises: ReasonRequired."""
    if not reason.strip():
        raise ReasonRequired
    return reason.strip()


@transaction.atomic
def reject(submission: Submission, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Refuse a submission that is not finished. Raises: TransitionRefused, ReasonRequired."""
    close(submission, "rejected", by=by, at=at, reason=need_reason(reason))
    notices.note_moderated(submission, "reject", reason, at=at)


@transaction.atomic
def retract(submission: Submission, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Take a verified score off the board; its history stays. Raises: TransitionRefused, ReasonRequired."""
    reason = need_reason(reason)
    move(submission, "retracted", by=by, at=at, reason=reason)
    results = Result.objects.filter(run__submission=submission, retracted_at=None)
    # A submission that was run again has several results, mostly of one entry.
    entries = list(Entry.objects.filter(results__in=results).select_related("benchmark", "model").distinct())
    results.update(retracted_at=at, retraction_reason=reason)
    for entry in entries:
        standings.refresh_entry(entry)
    notices.note_moderated(submission, "retract", reason, at=at)


@transaction.atomic
def rerun(submission: Submission, *, by: audit.Actor, at: dt.datetime, reason: str) -> Run:
    """Queue a further attempt of a settled submission. Raises: TransitionRefused, ReasonRequired."""
    run = enqueue(submission, by=by, at=at, reason=need_reason(reason))
    notices.note_moderated(submission, "rerun", reason, at=at)
    return run


@transaction.atomic
def approve(entry: Entry, *, by: audit.Actor, at: dt.datetime, reason: str = "") -> None:
    """Note that the entry was looked at; it leaves the queue until it is verified anew."""
    Entry.objects.filter(pk=entry.pk).update(approved_at=at)
    audit.record("approve", entry, by=by, at=at, reason=reason.strip())


@transaction.atomic
def look_at_findings(benchmark: Benchmark, *, by: audit.Actor, at: dt.datetime, reason: str = "") -> None:
    """Note that the board's findings were looked at; it leaves the queue until the lint says something else."""
    head = arrears.find_head(benchmark.slug)
    seen = name_findings(head.facts.findings if head else [])
    audit.record(LOOKED_AT, benchmark, by=by, at=at, reason=reason.strip(), data={"findings": seen})


@transaction.atomic
def hide(entry: Entry, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Take an entry out of sight; nothing of it is deleted. Raises: ReasonRequired."""
    set_hidden(entry, True, by=by, at=at, reason=need_reason(reason))
    notices.note_entry_moderated(entry, "hide", reason, at=at)


@transaction.atomic
def unhide(entry: Entry, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Bring a hidden entry back. Raises: ReasonRequired."""
    set_hidden(entry, False, by=by, at=at, reason=need_reason(reason))
    notices.note_entry_moderated(entry, "unhide", reason, at=at)


def set_hidden(entry: Entry, is_hidden: bool, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    entry.is_hidden, entry.hidden_reason = is_hidden, reason if is_hidden else ""
    entry.save(update_fields=["is_hidden", "hidden_reason"])
    audit.record("hide" if is_hidden else "unhide", entry, by=by, at=at, reason=reason)
    standings.refresh_entry(entry)


@transaction.atomic
def ban(user: AbstractUser, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Let the account read and nothing more, and end what it has under way. What it has on the boards stays.

    Raises: BanRefused, ReasonRequired.
    """
    reason = need_reason(reason)
    if user.is_staff:
        raise BanRefused(_("%(name)s is an admin; take that away in the catalogue first.") % {"name": user.username})
    _ban, is_new = Ban.objects.get_or_create(user_id=user.pk, defaults={"reason": reason, "at": at})
    if not is_new:
        raise BanRefused(_("%(name)s is banned already.") % {"name": user.username})
    audit.record("ban", user, by=by, at=at, reason=reason)
    notices.note_account_moderated(user, "ban", reason, at=at)
    for submission in Submission.objects.filter(submitter_id=user.pk, state__in=CANCELLABLE):
        cancel(submission, by=by, at=at, reason=reason)


@transaction.atomic
def unban(user: AbstractUser, *, by: audit.Actor, at: dt.datetime, reason: str) -> None:
    """Let a banned account do everything again. Raises: BanRefused, ReasonRequired."""
    reason = need_reason(reason)
    if not Ban.objects.filter(user_id=user.pk).delete()[0]:
        raise BanRefused(_("%(name)s is not banned.") % {"name": user.username})
    audit.record("unban", user, by=by, at=at, reason=reason)
    notices.note_account_moderated(user, "unban", reason, at=at)
