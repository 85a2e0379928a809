"""Send the notices that are due. A server that does not answer is tried again later, ever more rarely."""

import datetime as dt
import logging
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from leaderboard.models import Notice, NoticeSettings
from leaderboard.services.telling.notices import SETTINGS

logger = logging.getLogger(__name__)

AT_ONCE = 20
# With the pauses doubling from a minute, the last attempt comes after about eight hours.
MOST_ATTEMPTS = 9
# From this reply of a mail server on, trying again is of no use.
PERMANENT = 500
# Longer than a pass takes, so that no second scheduler sends what is being sent.
HELD = dt.timedelta(minutes=10)
KEPT = dt.timedelta(days=30)
SALT = "leaderboard.notices"


def deliver(*, at: dt.datetime) -> int:
    """Send what is due and return how many went out. What fails stays due; nothing is raised."""
    Notice.objects.filter(created_at__lt=at - KEPT).delete()
    due = Notice.objects.filter(sent_at=None, due_at__lte=at, attempts__lt=MOST_ATTEMPTS)
    sent = 0
    for notice in due.select_related("user__notice_settings")[:AT_ONCE]:
        mine = Notice.objects.filter(pk=notice.pk, sent_at=None, due_at=notice.due_at)
        if not mine.update(due_at=at + HELD):
            continue
        pause = dt.timedelta(minutes=2**notice.attempts)
        try:
            send(notice)
        except (SMTPRecipientsRefused, SMTPDataError, ValueError) as refusal:
            # This mail's own trouble, which holds up no other.
            logger.warning("notice %s was refused: %s", notice.pk, type(refusal).__name__)
            attempts = MOST_ATTEMPTS if is_final(refusal) else notice.attempts + 1
            Notice.objects.filter(pk=notice.pk).update(attempts=attempts, due_at=at + pause)
        except (OSError, SMTPException):
            logger.exception("notice %s was not sent", notice.pk)
            Notice.objects.filter(pk=notice.pk).update(attempts=notice.attempts + 1, due_at=at + pause)
            # The server is away for the others too, and waiting for it again would hold up the scheduler.
            due.update(due_at=at + pause)
            break
        else:
            Notice.objects.filter(pk=notice.pk).update(sent_at=at)
            sent += 1
    return sent


def is_final(refusal: Exception) -> bool:
    """Tell whether it will be the same next time: no such address, or one that cannot be written. Many servers refuse
    everybody's first attempt for a few minutes; and a refused text may be the server's, whose settings are mended.
    """
    if isinstance(refusal, SMTPRecipientsRefused):
        return all(code >= PERMANENT for code, _said in refusal.recipients.values())
    return isinstance(refusal, ValueError)


def send(notice: Notice) -> None:
    """Raises: OSError, SMTPException."""
    if notice.user.email:
        write_mail(notice).send()


def write_mail(notice: Notice) -> EmailMessage:
    """Return the mail in its reader's language, with the way to have no more of its kind."""
    chosen = NoticeSettings.objects.filter(user=notice.user_id).first()
    stop = settings.BASE_URL + reverse("notices-stop", args=[make_token(notice)])
    with translation.override(chosen.language if chosen else settings.LANGUAGE_CODE):
        context = notice.data | {
            "name": notice.user.get_username(),
            "kind": notice.kind,
            "url": settings.BASE_URL + notice.data["path"],
            "stop": stop,
        }
        body = render_to_string(f"mail/{notice.kind}.txt", context)
        subject = write_subject(notice)
    headers = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return EmailMessage(subject, body, to=[notice.user.email], headers=headers)


def write_subject(notice: Notice) -> str:
    facts = {name: " ".join(str(value).split()) for name, value in notice.data.items()}
    match notice.kind:
        case Notice.Kind.FINISHED:
            text = _("%(model)s is verified on %(board)s") % facts
        case Notice.Kind.FAILED:
            text = _("%(model)s could not be evaluated on %(board)s") % facts
        case Notice.Kind.OVERTAKEN:
            text = _("%(model)s was overtaken on %(board)s") % facts
        case Notice.Kind.MODERATED:
            text = _("An admin decided on %(model)s") % facts
        case _other:
            text = _("Your challenge of %(model)s was answered") % facts
    return f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{text}"


def make_token(notice: Notice) -> str:
    setting = SETTINGS[Notice.Kind(notice.kind)]
    return signing.dumps([notice.user_id, setting], salt=SALT)


def read_token(token: str) -> tuple[int, str]:
    """Return the account and the setting that the token ends. Raises: signing.BadSignature."""
    user_id, setting = signing.loads(token, salt=SALT)
    return user_id, setting
