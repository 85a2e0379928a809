"""What people are told by mail. Written beside what happened, in its transaction; `services.telling.mails` sends it."""

import datetime as dt
from collections.abc import Mapping

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.urls import reverse

from leaderboard.figures import write_score
from leaderboard.models import Benchmark, Challenge, Entry, Notice, NoticeSettings, Standing, Submission
from leaderboard.services.telling import webhooks

# Which setting each kind obeys.
SETTINGS = {
    Notice.Kind.FINISHED: "on_finish",
    Notice.Kind.FAILED: "on_finish",
    Notice.Kind.OVERTAKEN: "on_overtaken",
    Notice.Kind.MODERATED: "on_moderation",
    Notice.Kind.ANSWERED: "on_moderation",
}


def note(user_id: int | None, kind: Notice.Kind, *, at: dt.datetime, **data: object) -> None:
    """Have the account told, unless it does not want to be or is gone."""
    if user_id is None or NoticeSettings.objects.filter(user_id=user_id, **{SETTINGS[kind]: False}).exists():
        return
    Notice.objects.create(user_id=user_id, kind=kind, data=data, created_at=at, due_at=at)


def note_finished(submission: Submission, *, at: dt.datetime) -> None:
    """Tell the submitter how it ended: verified, or failed with its reason."""
    kind = Notice.Kind.FINISHED if submission.state == "verified" else Notice.Kind.FAILED
    facts = describe(submission) | {"reason": submission.state_reason}
    if kind is Notice.Kind.FINISHED:
        facts |= read_score(submission)
    note(submission.submitter_id, kind, at=at, **facts)


def describe(submission: Submission) -> dict[str, object]:
    return {
        "model": submission.model_name,
        "board": str(submission.benchmark.split.dataset),
        "path": submission.get_absolute_url(),
    }


def read_score(submission: Submission) -> dict[str, object]:
    """Return the score on the ranking metric of the board, with the claim where there is one."""
    published = Submission.objects.values_list("entry_id", flat=True).get(pk=submission.pk)
    standing = ranking(submission.benchmark).filter(entry=published).select_related("metric", "entry").first()
    if standing is None or standing.verified is None:
        return {}
    return {
        "metric": standing.metric.label,
        "score": write_score(standing.verified),
        "claim": "" if standing.claimed is None else write_score(standing.claimed),
        "verdict": standing.entry.verdict,
        "rank": standing.rank,
    }


def ranking(benchmark: Benchmark) -> QuerySet[Standing]:
    """Return the standings on the metric that ranks the board."""
    return Standing.objects.filter(benchmark=benchmark, is_visible=True).ranking()


def read_leaders(benchmark: Benchmark) -> dict[int, int]:
    """Return the ranks of the entries that the board highlights, by entry."""
    leading = ranking(benchmark).filter(rank__lte=benchmark.highlight_count)
    return {entry: rank for entry, rank in leading.values_list("entry_id", "rank") if rank is not None}


def note_overtaken(before: Mapping[int, int], by: Submission, *, at: dt.datetime) -> None:
    """Tell those who led before and stand lower now. Whoever overtakes oneself is told nothing."""
    now = dict(ranking(by.benchmark).filter(entry__in=list(before)).values_list("entry_id", "rank"))
    fallen = [entry for entry, rank in before.items() if (now.get(entry) or 0) > rank]
    holders = Submission.objects.filter(entry__in=fallen, state="verified").exclude(submitter=by.submitter_id)
    told: set[tuple[int | None, int | None]] = set()
    for held in holders.select_related("benchmark__split__dataset").order_by("pk"):
        if held.entry_id is None or (held.submitter_id, held.entry_id) in told:
            continue
        told.add((held.submitter_id, held.entry_id))
        facts = {"by": by.model_name, "before": before[held.entry_id], "rank": now[held.entry_id]}
        board = by.benchmark.get_absolute_url()
        note(held.submitter_id, Notice.Kind.OVERTAKEN, at=at, **describe(held) | facts | {"path": board})
        webhooks.tell_overtaken(held, facts, at=at)


def note_moderated(submission: Submission, action: str, reason: str, *, at: dt.datetime) -> None:
    """Tell the submitter what an admin decided, and why."""
    facts = describe(submission) | {"action": action, "reason": reason}
    note(submission.submitter_id, Notice.Kind.MODERATED, at=at, **facts)


def note_entry_moderated(entry: Entry, action: str, reason: str, *, at: dt.datetime) -> None:
    """Tell everybody whose verified submission stands behind the entry."""
    behind = Submission.objects.filter(entry=entry, state="verified").select_related("benchmark__split__dataset")
    for submission in {each.submitter_id: each for each in behind}.values():
        note_moderated(submission, action, reason, at=at)


def note_account_moderated(user: AbstractUser, action: str, reason: str, *, at: dt.datetime) -> None:
    """Tell somebody what an admin decided on the whole account."""
    facts = {"model": user.username, "board": "", "path": reverse("account"), "action": action, "reason": reason}
    note(user.pk, Notice.Kind.MODERATED, at=at, **facts)


def note_answered(challenge: Challenge, *, at: dt.datetime) -> None:
    """Tell the challenger what was answered."""
    facts = {"model": challenge.entry.model.name, "state": challenge.state, "reason": challenge.answer}
    note(challenge.challenger_id, Notice.Kind.ANSWERED, at=at, **facts, path=reverse("challenges"))


def remember_language(user_id: int, language: str) -> None:
    """Write to an account in the language that it first came with; its settings change that."""
    NoticeSettings.objects.get_or_create(user_id=user_id, defaults={"language": language})
