"""Who is told what by mail, in which language, and that a dead mail server fails nothing."""

import datetime as dt
import re
import socket
from smtplib import SMTPDataError, SMTPRecipientsRefused

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from leaderboard.models import Notice, NoticeSettings, Run, Submission
from leaderboard.services.boards.standings import refresh_benchmark
from leaderboard.services.moderating import challenges, moderation
from leaderboard.services.running import runs
from leaderboard.services.submitting import accounts
from leaderboard.services.telling import mails
from leaderboard.services.telling.notices import note
from portal.accounts.models import User
from tests.factories import NOW, claim_run, make_benchmark, make_entry, make_submission, make_user
from tests.web.conftest import enqueue, verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def lin() -> User:
    return make_user("lin")


def read_mails() -> list[tuple[str, str]]:
    mails.deliver(at=NOW)
    return [(message.to[0], str(message.subject)) for message in mail.outbox]


def test_submitter_is_told_of_the_score(lin: User) -> None:
    verify(make_benchmark(), lin, "ResNet-20", 81.03, claims={"top1": 91.73})
    assert read_mails() == [("lin@example.org", "[Veriboard] ResNet-20 is verified on Digits")]
    (message,) = mail.outbox
    assert "Acc@1 81.03, rank 1. It is below the claim of 91.73." in message.body
    assert f"/submissions/{Submission.objects.get().pk}/" in message.body
    assert mails.deliver(at=NOW) == 0, "nothing is sent twice"


def test_submitter_is_told_why_a_file_failed(lin: User) -> None:
    run = claim_run(enqueue(make_submission(make_benchmark(), lin), lin))
    assert run.token
    runs.record_fault(run.pk, run.token, "The file is cut short; upload it again.", at=NOW)
    read_mails()
    assert "The file is cut short; upload it again." in mail.outbox[0].body


def test_who_led_and_is_overtaken_is_told_once(lin: User) -> None:
    board, eva = make_benchmark(highlight_count=2), make_user("eva")
    verify(board, lin, "First", 80.0, claims={})
    verify(board, lin, "Second", 79.0, claims={})
    verify(board, lin, "Third", 70.0, claims={})
    Notice.objects.all().delete()
    verify(board, eva, "Better", 79.5, claims={})
    overtaken = Notice.objects.filter(kind="overtaken")
    assert [(notice.user, notice.data["model"], notice.data["rank"]) for notice in overtaken] == [(lin, "Second", 3)]
    read_mails()
    assert "Better was verified on Digits and overtook Second: it was at rank 2 and now is at rank 3." in [
        " ".join(message.body.partition("\n\n")[0].split()) for message in mail.outbox
    ]


def test_nobody_overtakes_oneself(lin: User) -> None:
    board = make_benchmark()
    verify(board, lin, "First", 80.0, claims={})
    verify(board, lin, "Better", 81.0, claims={})
    assert not Notice.objects.filter(kind="overtaken").exists()


def test_decisions_and_answers_are_told_with_their_reason(lin: User) -> None:
    board, admin = make_benchmark(), make_user("wei", is_staff=True)
    submission = verify(board, lin, "ResNet-20", 81.03, claims={})
    submission.refresh_from_db()
    assert submission.entry
    Notice.objects.all().delete()
    made = challenges.challenge(submission.entry, "This is not the paper's file.", "", by=lin, at=NOW)
    challenges.settle(made, False, "It is.", by=admin, at=NOW)
    moderation.hide(submission.entry, by=admin, at=NOW, reason="Looked into.")
    moderation.unhide(submission.entry, by=admin, at=NOW, reason="All well.")
    moderation.retract(submission, by=admin, at=NOW, reason="Trained on the test images.")
    moderation.ban(lin, by=admin, at=NOW, reason="Again and again.")
    read_mails()
    bodies = "\n".join(str(message.body) for message in mail.outbox)
    for reason in ("It is.", "Looked into.", "All well.", "Trained on the test images.", "Again and again."):
        assert reason in bodies


def test_settings_and_language_are_obeyed(lin: User) -> None:
    board = make_benchmark()
    NoticeSettings.objects.create(user=lin, on_finish=False)
    verify(board, lin, "ResNet-20", 81.0, claims={})
    assert not Notice.objects.exists()
    NoticeSettings.objects.update(on_finish=True, language="zh-hans")
    verify(board, lin, "ResNet-32", 82.0, claims={})
    assert read_mails() == [("lin@example.org", "[Veriboard] ResNet-32 已在 Digits 上通过验证")]
    assert "不再接收" in mail.outbox[0].body


def test_one_click_ends_one_kind_of_mail(lin: User, client: Client) -> None:
    verify(make_benchmark(), lin, "ResNet-20", 81.0, claims={})
    read_mails()
    (link,) = re.findall(r"<(http[^>]*)>", mail.outbox[0].extra_headers["List-Unsubscribe"])
    path = link.removeprefix("http://127.0.0.1:8000")
    assert path in mail.outbox[0].body
    strict = Client(enforce_csrf_checks=True)
    assert strict.get(path).status_code == 200
    assert not NoticeSettings.objects.filter(on_finish=False).exists(), "opening it changes nothing"
    assert strict.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    chosen = NoticeSettings.objects.get(user=lin)
    assert (chosen.on_finish, chosen.on_overtaken) == (False, True)
    assert client.post(f"{path[:-3]}/").status_code == 404


def test_link_in_an_old_mail_outlives_the_account(lin: User, client: Client) -> None:
    verify(make_benchmark(), lin, "ResNet-20", 81.0, claims={})
    path = reverse("notices-stop", args=[mails.make_token(Notice.objects.get())])
    accounts.delete_account(lin, at=NOW)
    assert client.post(path).status_code == 200


@pytest.fixture
def dead_server(settings: Settings) -> None:
    """A mail server that does not answer: nothing listens at its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port


def test_dead_mail_server_fails_no_publication(lin: User, dead_server: None, settings: Settings) -> None:
    board = make_benchmark()
    for name in ("ResNet-20", "ResNet-32"):
        verify(board, lin, name, 81.0, claims={})
    assert mails.deliver(at=NOW) == 0
    assert Run.objects.filter(state="verified").count() == 2
    first, second = Notice.objects.order_by("pk")
    assert (first.attempts, first.sent_at, second.attempts) == (1, None, 0)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert mails.deliver(at=NOW) == 0, "the next attempt waits"
    assert mails.deliver(at=NOW + dt.timedelta(minutes=2)) == 2


def test_dead_mail_server_breaks_no_page(lin: User, dead_server: None, client: Client) -> None:
    answer = client.post("/accounts/password/reset/", {"email": lin.email}, follow=True)
    assert answer.status_code == 200
    assert "The mail could not be sent" in answer.content.decode()


def test_page_tells_of_no_confirmation_that_was_not_sent(dead_server: None, settings: Settings, client: Client) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "optional"
    form = {"username": "mo", "email": "mo@example.org", "password1": "Quite-long-77x", "password2": "Quite-long-77x"}
    page = client.post("/accounts/signup/", form, follow=True).content.decode()
    assert "The mail could not be sent" in page
    assert "Confirmation email sent" not in page


def test_line_breaks_in_a_name_make_no_header(lin: User) -> None:
    board = make_benchmark()
    make_entry(board)
    refresh_benchmark(board)
    verify(board, lin, "ResNet\nBcc: all@example.org", 81.0, claims={})
    ((_to, subject),) = read_mails()
    assert "\n" not in subject


@pytest.mark.parametrize(
    ("refusal", "tried_again"),
    [
        (SMTPRecipientsRefused({"lin@example.org": (450, b"Greylisted")}), True),
        (SMTPRecipientsRefused({"lin@example.org": (550, b"No such user")}), False),
        (SMTPDataError(554, b"Looks like spam"), True),
        (ValueError("Invalid address"), False),
    ],
)
def test_refused_mail_holds_up_no_other(
    lin: User, refusal: Exception, tried_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in (lin, make_user("eva")):
        note(user.pk, Notice.Kind.MODERATED, at=NOW, model="N", board="", path="/", action="ban", reason="x")
    send = mails.send

    def refuse(notice: Notice) -> None:
        if notice.user == lin:
            raise refusal
        send(notice)

    with monkeypatch.context() as patched:
        patched.setattr(mails, "send", refuse)
        assert mails.deliver(at=NOW) == 1
    assert mails.deliver(at=NOW + dt.timedelta(minutes=2)) == int(tried_again)
