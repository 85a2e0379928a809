"""What becomes of an account that its owner deletes."""

import datetime as dt

from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.utils.translation import gettext as _

from leaderboard.models import Submission
from leaderboard.services import audit
from leaderboard.services.running.attempts import cancel
from leaderboard.services.submitting import uploads
from leaderboard.states import CANCELLABLE


class DeletionRefused(ValueError):
    """This account is not deleted here. The message is one plain sentence."""


def count_under_way(user: AbstractUser) -> int:
    """Return how many submissions would be cancelled with the account."""
    return Submission.objects.filter(submitter_id=user.pk, state__in=CANCELLABLE).count()


@transaction.atomic
def delete_account(user: AbstractUser, *, at: dt.datetime) -> None:
    """Delete the account with its addresses, tokens, second factors, settings and notices.

    What it has under way is cancelled. What it verified stays on the boards without a name: others compare with it.
    The audit trail keeps the user name, as it can be neither changed nor cut. Raises: DeletionRefused.
    """
    if user.is_staff:
        raise DeletionRefused(
            _("An admin's account is not deleted here; have another admin take that role away first.")
        )
    for submission in Submission.objects.filter(submitter_id=user.pk, state__in=CANCELLABLE):
        cancel(submission, by=user, at=at, reason=_("The account was deleted."))
    for upload in uploads.list_own(user):
        uploads.discard(upload)
    audit.record("delete account", user, by=user, at=at)
    user.delete()
