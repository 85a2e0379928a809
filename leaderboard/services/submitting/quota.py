"""How much an account may submit in a day."""

import datetime as dt

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext as _

from leaderboard.models import Submission
from leaderboard.services.refusals import RequestRefused


def count_left(by: AbstractBaseUser) -> int:
    """Return how many more submissions the account has today. An attempt that our own fault ended costs nothing."""
    since = timezone.now() - dt.timedelta(days=1)
    counted = Submission.objects.filter(submitter_id=by.pk, created_at__gte=since)
    used = counted.exclude(state__in=["cancelled", "rejected", "stalled"]).count()
    return max(0, settings.QUOTA_PER_DAY - used)


def say_quota() -> str:
    return _("You have used today's %(n)s submissions; try again tomorrow.") % {"n": settings.QUOTA_PER_DAY}


def take_turn(by: AbstractBaseUser) -> None:
    """Let the account's requests through one after another until the transaction ends, so that each sees the others."""
    get_user_model().objects.select_for_update(no_key=True).get(pk=by.pk)


def check_quota(by: AbstractBaseUser) -> None:
    """Raises: RequestRefused where nothing is left."""
    if not count_left(by):
        raise RequestRefused({"": say_quota()})
