"""What waits for an admin, queue by queue, and what there is to look up."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from leaderboard.figures import write_score
from leaderboard.models import AuditEvent, Ban, BoardFacts, Challenge, Entry, Standing, Submission, Weights

PER_PAGE = 20
# What the trail says where an admin has looked at a board's findings and has nothing to do about them.
LOOKED_AT = "look at findings"


@dataclass(frozen=True)
class QueueItem:
    """One thing to decide on. `key` is what a decision names: a submission's, an entry's or an account's id."""

    key: str
    title: str
    url: str
    place: str
    who: str
    at: dt.datetime | None
    note: str = ""
    state: str = ""


@dataclass(frozen=True)
class Queue:
    """One kind of things to decide on: how to find and to show them, and which decisions fit."""

    name: str
    label: str | Promise
    find: Callable[[], QuerySet[Any]]
    show: Callable[[list[Any]], list[QueueItem]]
    actions: tuple[str, ...]
    is_waiting: bool = True


def find_standing() -> QuerySet[Submission]:
    """Return the submissions whose result is the one that stands on its board."""
    related = ("benchmark__split__dataset", "submitter", "entry__model")
    standing = Submission.objects.filter(state="verified", entry__is_hidden=False)
    return standing.filter(runs__result__created_at=F("entry__verified_at")).select_related(*related)


def find_unseen() -> QuerySet[Submission]:
    """Return those that no admin has looked at since they were verified, the oldest first."""
    is_unseen = Q(entry__approved_at=None) | Q(entry__approved_at__lt=F("entry__verified_at"))
    return find_standing().filter(is_unseen).order_by("entry__verified_at", "pk")


def list_shared_digests() -> QuerySet[Weights, str]:
    """Return the digests of files that stand under several models' names, or whose tensors do in other files."""
    same = Q(sha256__in=list_shared("sha256")) | Q(content_sha256__in=list_shared("content_sha256"))
    return Weights.objects.filter(same).exclude(sha256="").values_list("sha256", flat=True)


def list_shared(field: str) -> QuerySet[Weights, str]:
    """Return the values of a digest that weights of more than one model have."""
    known = Weights.objects.exclude(**{field: ""}).order_by().values(field)
    known = known.annotate(models=Count("model", distinct=True)).filter(models__gt=1)
    found: QuerySet[Weights, str] = known.values_list(field, flat=True)
    return found


def find_new() -> QuerySet[Submission]:
    fine = find_unseen().filter(entry__status=Entry.Status.VERIFIED)
    return fine.exclude(weights_sha256__in=list_shared_digests())


def find_duplicates() -> QuerySet[Submission]:
    return find_unseen().filter(weights_sha256__in=list_shared_digests())


def find_mismatches() -> QuerySet[Submission]:
    return find_unseen().filter(entry__status=Entry.Status.MISMATCH)


def find_in(*states: str) -> Callable[[], QuerySet[Submission]]:
    """Return a reading of the submissions in these states, latest change first."""

    def find() -> QuerySet[Submission]:
        related = ("benchmark__split__dataset", "submitter")
        return Submission.objects.filter(state__in=states).select_related(*related).order_by("-changed_at", "pk")

    return find


def find_hidden() -> QuerySet[Entry]:
    return Entry.objects.filter(is_hidden=True).select_related("model", "benchmark__split__dataset").order_by("-pk")


def find_bans() -> QuerySet[Ban]:
    return Ban.objects.select_related("user")


def show_submission(submission: Submission, note: str) -> QueueItem:
    return QueueItem(
        key=str(submission.pk),
        title=submission.model_name,
        url=submission.get_absolute_url(),
        place=submission.benchmark.split.dataset.name,
        who=submission.submitter.get_username() if submission.submitter else "",
        at=submission.changed_at,
        note=note,
        state=submission.state,
    )


def show_submissions(submissions: list[Submission]) -> list[QueueItem]:
    return [show_submission(submission, submission.state_reason) for submission in submissions]


def show_scores(submissions: list[Submission]) -> list[QueueItem]:
    """Show each with its score on the ranking metric of its board, and the claim where there is one."""
    entries = [submission.entry_id for submission in submissions]
    ranking = Standing.objects.filter(entry__in=entries).ranking().select_related("metric")
    notes = {each.entry_id: note_scores(each, each.verified) for each in ranking if each.verified is not None}
    return [show_submission(submission, notes.get(submission.entry_id or 0, "")) for submission in submissions]


def note_scores(standing: Standing, verified: float) -> str:
    facts = {"metric": standing.metric.label, "verified": write_score(verified)}
    if standing.claimed is None:
        return _("%(metric)s %(verified)s, no claim") % facts
    return _("%(metric)s %(verified)s, claimed %(claimed)s") % (facts | {"claimed": write_score(standing.claimed)})


def show_duplicates(submissions: list[Submission]) -> list[QueueItem]:
    """Show each with the names under which the same weights stand."""
    digests = {submission.weights_sha256 for submission in submissions}
    contents = dict(Weights.objects.filter(sha256__in=digests).values_list("sha256", "content_sha256"))
    same = Q(sha256__in=digests) | Q(content_sha256__in=set(contents.values()) - {""})
    names: dict[str, set[str]] = {digest: set() for digest in digests}
    for sha256, content, name in Weights.objects.filter(same).values_list("sha256", "content_sha256", "model__name"):
        for digest in digests:
            if digest == sha256 or (content and contents.get(digest) == content):
                names[digest].add(name)
    return [
        show_submission(one, _("the same weights: %(names)s") % {"names": ", ".join(sorted(names[one.weights_sha256]))})
        for one in submissions
    ]


def show_hidden(entries: list[Entry]) -> list[QueueItem]:
    """Show each with the day on which it was hidden, which the trail knows."""
    hidings = AuditEvent.objects.filter(action="hide", target_type="entry", target_id__in=[str(e.pk) for e in entries])
    hidden_at = dict(hidings.order_by("at").values_list("target_id", "at"))
    return [
        QueueItem(
            key=str(entry.pk),
            title=entry.model.name,
            url=entry.get_absolute_url(),
            place=entry.benchmark.split.dataset.name,
            who="",
            at=hidden_at.get(str(entry.pk)),
            note=entry.hidden_reason,
        )
        for entry in entries
    ]


def show_bans(bans: list[Ban]) -> list[QueueItem]:
    return [QueueItem(str(ban.user_id), ban.user.get_username(), "", "", "", ban.at, ban.reason) for ban in bans]


UNSEEN_ACTIONS = ("approve", "hide", "retract", "rerun", "ban")
QUEUES = {
    queue.name: queue
    for queue in (
        Queue("new", gettext_lazy("New entries"), find_new, show_scores, UNSEEN_ACTIONS),
        Queue("mismatches", gettext_lazy("Below their claim"), find_mismatches, show_scores, UNSEEN_ACTIONS),
        Queue("duplicates", gettext_lazy("Same weights, other name"), find_duplicates, show_duplicates, UNSEEN_ACTIONS),
        Queue("stalled", gettext_lazy("Stalled"), find_in("stalled"), show_submissions, ("rerun", "reject", "ban")),
        Queue(
            "under-way",
            gettext_lazy("Under way"),
            find_in("submitted", "queued", "running"),
            show_submissions,
            ("reject", "ban"),
            is_waiting=False,
        ),
        Queue(
            "failed", gettext_lazy("Failed"), find_in("failed"), show_submissions, ("rerun", "ban"), is_waiting=False
        ),
        Queue(
            "verified",
            gettext_lazy("Verified"),
            lambda: find_standing().order_by("-entry__verified_at", "pk"),
            show_scores,
            ("hide", "retract", "rerun", "ban"),
            is_waiting=False,
        ),
        Queue(
            "retracted",
            gettext_lazy("Retracted"),
            find_in("retracted"),
            show_submissions,
            ("rerun", "ban"),
            is_waiting=False,
        ),
        Queue("hidden", gettext_lazy("Hidden entries"), find_hidden, show_hidden, ("unhide",), is_waiting=False),
        Queue("banned", gettext_lazy("Banned accounts"), find_bans, show_bans, ("unban",), is_waiting=False),
    )
}


@dataclass(frozen=True)
class QueueTab:
    """A queue with how many are in it; what is only looked up is not counted."""

    name: str
    label: str | Promise
    count: int | None


def list_tabs() -> list[QueueTab]:
    return [
        QueueTab(queue.name, queue.label, queue.find().count() if queue.is_waiting else None)
        for queue in QUEUES.values()
    ]


def read_queue(queue: Queue, number: str | None) -> tuple[Page[Any], list[QueueItem]]:
    """Return a page of the queue, and its items as they are shown."""
    page = Paginator(queue.find(), PER_PAGE).get_page(number)
    return page, queue.show(list(page.object_list))


def read_items(queue: Queue, keys: Iterable[str]) -> list[QueueItem]:
    """Return the items of these keys that are still in the queue."""
    field = "user_id" if queue.name == "banned" else "pk"
    return queue.show(list(queue.find().filter(**{f"{field}__in": list(keys)})))


def name_findings(findings: list[Any]) -> str:
    """Return a digest of what the lint says of a board, which changes with it."""
    return hashlib.sha256(json.dumps(findings, sort_keys=True).encode()).hexdigest()


def list_linted_boards() -> list[BoardFacts]:
    """Return the boards of whose findings an admin has not looked at just these, with two queries."""
    linted = BoardFacts.objects.exclude(findings=[])
    boards = list(linted.select_related("benchmark__split__dataset", "benchmark__protocol").order_by("benchmark_id"))
    ids = [str(facts.benchmark_id) for facts in boards]
    looks = AuditEvent.objects.filter(action=LOOKED_AT, target_type="benchmark", target_id__in=ids)
    seen = {(event.target_id, event.data.get("findings")) for event in looks}
    return [facts for facts in boards if (str(facts.benchmark_id), name_findings(facts.findings)) not in seen]


def count_linted_boards() -> int:
    return len(list_linted_boards())


def count_reports() -> int:
    return Challenge.objects.filter(state=Challenge.State.OPEN).count()
