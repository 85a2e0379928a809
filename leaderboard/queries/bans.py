"""Whether an account is banned, and what it is told."""

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _

from leaderboard.models import Ban


def find_ban(user: AbstractBaseUser) -> str:
    """Return the sentence for a banned account, "" for every other."""
    ban = Ban.objects.filter(user_id=user.pk).first()
    return _("This account is banned and can only read: %(reason)s") % {"reason": ban.reason} if ban else ""
