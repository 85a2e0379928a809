"""What allauth does our way: mail that cannot be sent breaks no page, and secrets of second factors are sealed."""

import base64
import hashlib
import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)

CONFIRMATION_SENT = "account/messages/email_confirmation_sent.txt"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Says on the page that a mail did not go out; whoever waits for it asks for another."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException):
            logger.exception("mail %s was not sent", template_prefix)
            messages.error(allauth_context.request, _("The mail could not be sent; ask for it again in a few minutes."))
            allauth_context.request.is_mail_lost = True

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *told: Any, **more: Any
    ) -> None:
        """Leave out that a confirmation was sent where it was not."""
        if message_template != CONFIRMATION_SENT or not getattr(request, "is_mail_lost", False):
            super().add_message(request, level, message_template, *told, **more)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Seals the secrets, so that a leaked backup of the database makes nobody's codes."""

    def encrypt(self, text: str) -> str:
        return make_seal().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return make_seal().decrypt(encrypted_text.encode()).decode()


def make_seal() -> Fernet:
    """Return the seal that SECRET_KEY makes: who changes it, ends every second factor."""
    key = hashlib.sha256(b"second factors" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
