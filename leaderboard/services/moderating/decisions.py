"""One admin's decision on one or many things: what it is called, what it acts on, and the brake on many at once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from leaderboard.models import Entry, Submission
from leaderboard.sentences import say
from leaderboard.services.moderating import moderation
from leaderboard.states import TransitionRefused

# More than this many at once would be decided without being read.
MOST_AT_ONCE = 20
REFUSALS = (moderation.ReasonRequired, moderation.BanRefused, TransitionRefused)


class NothingThere(LookupError):
    """No such decision, or nothing that it could act on."""


class TooMany(ValueError):
    """More things than are decided at once. The message is one plain sentence."""

    def __init__(self) -> None:
        super().__init__(_("Choose at most %(n)s at once.") % {"n": MOST_AT_ONCE})


@dataclass(frozen=True)
class Decided:
    """How a decision on several things went: how many were done, and a sentence for each that was refused."""

    count: int
    refusals: tuple[str, ...]


def find_submission(key: str) -> Submission:
    """Raises: NothingThere."""
    submission = (
        Submission.objects.select_related("entry__benchmark", "entry__model", "submitter")
        .filter(pk=read_uuid(key))
        .first()
    )
    if submission is None:
        raise NothingThere(key)
    return submission


def find_entry(key: str) -> Entry:
    """Return the entry of this id, or that of the submission of this id. Raises: NothingThere."""
    entries = Entry.objects.select_related("benchmark", "model")
    entry = entries.filter(pk=key).first() if is_number(key) else find_submission(key).entry
    if entry is None:
        raise NothingThere(key)
    return entry


def find_user(key: str) -> AbstractUser:
    """Return the account of this id, or that of the submission's submitter. Raises: NothingThere."""
    user = get_user_model().objects.filter(pk=key).first() if is_number(key) else find_submission(key).submitter
    if not isinstance(user, AbstractUser):
        raise NothingThere(key)
    return user


def is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 18


def read_uuid(text: str) -> UUID:
    """Raises: NothingThere."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NothingThere(text) from error


DECISIONS: dict[str, tuple[Callable[[str], models.Model], Callable[..., object]]] = {
    "approve": (find_entry, moderation.approve),
    "hide": (find_entry, moderation.hide),
    "unhide": (find_entry, moderation.unhide),
    "reject": (find_submission, moderation.reject),
    "retract": (find_submission, moderation.retract),
    "rerun": (find_submission, moderation.rerun),
    "ban": (find_user, moderation.ban),
    "unban": (find_user, moderation.unban),
}


def decide(action: str, key: str, *, by: AbstractUser, reason: str) -> None:
    """Carry out one decision. Raises: NothingThere, and one of REFUSALS."""
    if action not in DECISIONS:
        raise NothingThere(action)
    find, carry_out = DECISIONS[action]
    carry_out(find(key), by=by, at=timezone.now(), reason=reason)


def check_many(action: str, keys: Sequence[str], reason: str) -> None:
    """Refuse what none of the decisions would get through with. Raises: ReasonRequired, TooMany."""
    if len(keys) > MOST_AT_ONCE:
        raise TooMany
    if action != "approve":
        moderation.need_reason(reason)


def decide_many(action: str, keys: Iterable[str], *, by: AbstractUser, reason: str) -> Decided:
    """Carry out the decision on each; where one is refused, the others are done all the same."""
    done, refusals = 0, []
    for key in keys:
        try:
            decide(action, key, by=by, reason=reason)
            done += 1
        except REFUSALS as refused:
            refusals.append(say(str(refused)))
        except NothingThere:
            refusals.append(_("One of them is no longer there."))
    return Decided(done, tuple(dict.fromkeys(refusals)))
