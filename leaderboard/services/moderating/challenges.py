"""Readers object to an entry with evidence; an admin answers, and what is accepted stands in the entry's ledger."""

import datetime as dt

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction
from django.utils.translation import gettext as _

from leaderboard.models import Challenge, Entry
from leaderboard.queries.bans import find_ban
from leaderboard.services import audit
from leaderboard.services.telling import notices

PER_DAY = 5
SHORTEST, LONGEST = 20, 4000
check_web_address = URLValidator(schemes=["http", "https"])


class ChallengeRefused(ValueError):
    """A challenge that is not taken, by field; "" is the whole. Each refusal is one plain sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def check_account(by: AbstractBaseUser, entry: Entry, at: dt.datetime) -> None:
    """Raises: ChallengeRefused."""
    if sentence := find_ban(by):
        raise ChallengeRefused("", sentence)
    own = Challenge.objects.filter(challenger_id=by.pk)
    if own.filter(entry=entry, state=Challenge.State.OPEN).exists():
        raise ChallengeRefused("", _("You have challenged this entry already; an admin will answer."))
    if own.filter(created_at__gt=at - dt.timedelta(days=1)).count() >= PER_DAY:
        raise ChallengeRefused("", _("You have sent %(n)s challenges today; try again tomorrow.") % {"n": PER_DAY})


def check_text(text: str) -> str:
    """Raises: ChallengeRefused."""
    text = text.strip()
    if len(text) < SHORTEST:
        raise ChallengeRefused("text", _("Say what is wrong in a sentence or two, so that it can be looked into."))
    if len(text) > LONGEST or "\0" in text:
        raise ChallengeRefused("text", _("At most %(n)s characters, please.") % {"n": LONGEST})
    return text


def check_evidence(url: str) -> str:
    """Raises: ChallengeRefused."""
    url = url.strip()
    if not url:
        return ""
    try:
        check_web_address(url)
        if len(url) > 1000:
            raise ValidationError("too long")
    except ValidationError as error:
        sentence = _("Give a whole address that begins with https:// or http://.")
        raise ChallengeRefused("evidence_url", sentence) from error
    return url


@transaction.atomic
def challenge(entry: Entry, text: str, url: str, *, by: AbstractBaseUser, at: dt.datetime) -> Challenge:
    """Put the objection before the admins. Raises: ChallengeRefused."""
    check_account(by, entry, at)
    made = Challenge.objects.create(
        entry=entry, challenger_id=by.pk, text=check_text(text), evidence_url=check_evidence(url), created_at=at
    )
    audit.record("challenge", made, by=by, at=at, data={"entry": entry.pk})
    return made


@transaction.atomic
def settle(made: Challenge, is_accepted: bool, answer: str, *, by: AbstractBaseUser, at: dt.datetime) -> None:
    """Answer it. What is accepted is noted on the entry; what follows for it, the admin decides besides.

    Raises: ChallengeRefused.
    """
    answer = answer.strip()
    if not answer:
        raise ChallengeRefused("answer", _("Give an answer; the challenger reads it."))
    state = Challenge.State.ACCEPTED if is_accepted else Challenge.State.DECLINED
    is_open = Challenge.objects.filter(pk=made.pk, state=Challenge.State.OPEN)
    if not is_open.update(state=state, answer=answer, settled_at=at):
        raise ChallengeRefused("", _("This challenge was answered meanwhile; load the page again."))
    audit.record(f"challenge {state}", made, by=by, at=at, reason=answer)
    made.refresh_from_db()
    notices.note_answered(made, at=at)
    if is_accepted:
        audit.record("challenged", made.entry, by=by, at=at, reason=answer, data={"challenge": made.pk})
