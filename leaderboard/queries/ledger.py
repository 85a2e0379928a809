"""The ledger of an entry: everything that was ever claimed, run and decided of it, oldest first."""

import datetime as dt
from dataclasses import dataclass
from operator import attrgetter

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils.translation import gettext as _

from leaderboard.figures import write_score
from leaderboard.models import AuditEvent, Claim, Entry, Result, Submission


@dataclass(frozen=True)
class LedgerLine:
    """One thing that happened. `kind` is claim, result or move; the rest is what the page says of it."""

    at: dt.datetime
    kind: str
    text: str = ""
    who: str = ""
    reason: str = ""
    from_state: str = ""
    to_state: str = ""
    submission: Submission | None = None


def read_ledger(entry: Entry) -> list[LedgerLine]:
    """Return the lines, with six queries. Of submissions, states and reasons are told, never logs."""
    submissions = {str(submission.pk): submission for submission in Submission.objects.filter(entry=entry)}
    sent = {submission.claim_source: submission for submission in submissions.values()}
    lines = [
        read_claim(claim, sent.get(claim.source))
        for claim in Claim.objects.filter(entry=entry).select_related("metric")
    ]
    results = Result.objects.filter(entry=entry).select_related("run__submission").prefetch_related("scores__metric")
    lines += [read_result(result) for result in results]
    moves = AuditEvent.objects.filter(
        Q(target_type="entry", target_id=str(entry.pk)) | Q(target_type="submission", target_id__in=list(submissions))
    )
    events = list(moves.order_by("at", "id"))
    accounts = get_user_model().objects.filter(pk__in={event.actor_user_id for event in events if event.actor_user_id})
    known = set(accounts.values_list("pk", flat=True))
    lines += [read_move(event, submissions.get(event.target_id), known) for event in events]
    return sorted(lines, key=attrgetter("at"))


def read_claim(claim: Claim, submission: Submission | None) -> LedgerLine:
    """Return the line of a claim. One that came with a submission was made when that was sent, and stored later."""
    text = f"{claim.metric.label} {claim.text or f'{claim.value:g}'}"
    if submission:
        return LedgerLine(submission.created_at, "claim", text, submission=submission)
    return LedgerLine(claim.created_at, "claim", text, who=claim.source)


def read_result(result: Result) -> LedgerLine:
    scores = sorted(result.scores.all(), key=lambda score: score.metric.key)
    text = _(", ").join(f"{score.metric.label} {write_score(score.value, score.metric.decimals)}" for score in scores)
    return LedgerLine(result.created_at, "result", text, submission=result.run.submission)


def read_move(event: AuditEvent, submission: Submission | None, accounts: set[int]) -> LedgerLine:
    # The trail keeps the name of an account that is gone; the public page does not.
    name = event.actor if event.actor_user_id in accounts else _("deleted account")
    return LedgerLine(
        event.at,
        "move",
        event.get_action_display(),
        who=name if event.actor_user_id else "",
        reason=event.reason,
        from_state=event.from_state,
        to_state=event.to_state,
        submission=submission,
    )
