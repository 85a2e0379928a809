"""What is noted when somebody signs in."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.utils.translation import get_language

from leaderboard.services.telling.notices import remember_language
from portal.accounts.models import User


@receiver(user_logged_in, dispatch_uid="remember_language")
def note_language(user: User, **_: Any) -> None:
    """Mail comes in the language in which the account was first used, until its settings say otherwise."""
    remember_language(user.pk, get_language() or "en")
