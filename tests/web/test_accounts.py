"""An account from its first page to its last: confirmed, secured, told, deleted."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.test import Client
from knox.models import AuthToken
from pytest_django import Settings

from leaderboard.models import AuditEvent, NoticeSettings, Submission
from portal.accounts.models import User
from tests.web.conftest import Stage

PASSWORD = "correct horse battery"
SIGN_UP = {"username": "mei", "email": "mei@example.org", "password1": PASSWORD, "password2": PASSWORD}


def make_code(secret: str) -> str:
    """Return what an authenticator app shows now."""
    return str(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))


def sign_in(name: str = "lin") -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    return client


@pytest.mark.django_db
def test_address_is_confirmed_before_the_first_sign_in(settings: Settings, client: Client) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    answer = client.post("/accounts/signup/", SIGN_UP, follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/confirm-email/"
    assert client.get("/account/").status_code == 302
    (link,) = re.findall(r"http://\S+(/accounts/confirm-email/\S+/)", str(mail.outbox[0].body))
    client.post(link)
    assert EmailAddress.objects.get(user__username="mei").verified
    assert sign_in("mei").get("/account/").status_code == 200


def test_pages_and_mails_of_accounts_are_chinese_throughout(
    stage: Stage, owner: Client, client: Client, settings: Settings
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    chinese = {"Accept-Language": "zh-CN"}
    paths = {"/accounts/login/": client, "/accounts/signup/": client, "/accounts/email/": owner}
    pages = [of.get(path, headers=chinese).content.decode() for path, of in paths.items()]
    pages.append(owner.get("/accounts/logout/", headers=chinese).content.decode())
    pages += [
        client.get(f"/accounts/{name}/", headers=chinese).content.decode() for name in ("password/reset", "inactive")
    ]
    owner.post("/accounts/reauthenticate/", {"password": PASSWORD})
    pages.append(owner.get("/accounts/2fa/totp/activate/", headers=chinese).content.decode())
    client.post("/accounts/signup/", SIGN_UP, headers=chinese)
    (message,) = mail.outbox
    shown = [
        " ".join(re.findall(r'(?:>|placeholder=")([^<"]*)', page.partition("<main")[2].partition("</main")[0]))
        for page in pages
    ]
    for text in (*shown, str(message.subject), re.sub(r"http\S+", "", str(message.body))):
        assert re.search(r"[\u4e00-\u9fff]", text)
        assert not re.search(
            r"\be-?mail|hello|登出|帐|账号|电子邮件地址|你|[\u4e00-\u9fff] ?[.!:]", text, re.IGNORECASE
        ), text


def test_forgotten_password_is_set_anew(stage: Stage, client: Client) -> None:
    client.post("/accounts/password/reset/", {"email": stage.owner.email})
    (link,) = re.findall(r"http://\S+(/accounts/password/reset/key/\S+/)", str(mail.outbox[0].body))
    form = client.get(link, follow=True)
    fresh = "staple battery horse"
    client.post(form.request["PATH_INFO"], {"password1": fresh, "password2": fresh})
    assert Client().post("/accounts/login/", {"login": "lin", "password": fresh}).status_code == 302


def test_second_factor_is_asked_for_and_recovery_codes_open_too(stage: Stage) -> None:
    client = sign_in()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    text = page.content.decode()
    assert 'src="data:image/svg+xml' in text
    secret = page.context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": make_code(secret)})
    stored = Authenticator.objects.get(user=stage.owner, type="totp").data["secret"]
    assert secret not in stored, "the secret is sealed"
    codes = client.get("/accounts/2fa/recovery-codes/").context["unused_codes"]
    again = sign_in()
    assert again.get("/account/").status_code == 302, "the password alone opens nothing"
    step = again.get("/accounts/2fa/authenticate/").content.decode()
    assert [button.count("solid") for button in re.findall(r"<button[^>]*>(?=\s*(?:Sign In|Cancel))", step)] == [1, 0]
    again.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert again.get("/account/").status_code == 200


def test_address_is_removed_only_once_that_is_confirmed(stage: Stage) -> None:
    client = sign_in()
    EmailAddress.objects.create(user=stage.owner, email="old@example.org", verified=True)
    asked = client.post("/accounts/email/", {"email": "old@example.org", "action_remove": ""})
    assert "old@example.org is taken off your account." in asked.content.decode()
    assert EmailAddress.objects.filter(email="old@example.org").exists()
    client.post("/accounts/email/", {"email": "old@example.org", "action_remove": "", "confirmed": "1"})
    assert not EmailAddress.objects.filter(email="old@example.org").exists()


def test_github_is_offered_only_where_it_is_set_up(stage: Stage, client: Client, settings: Settings) -> None:
    assert "/accounts/github/login/" in client.get("/accounts/login/").content.decode()
    there = client.post("/accounts/github/login/")
    assert there["Location"].startswith("https://github.com/login/oauth/authorize?client_id=test")
    settings.SOCIALACCOUNT_PROVIDERS = {}
    assert "GitHub" not in client.get("/accounts/login/").content.decode()


def test_settings_of_mail_are_kept(stage: Stage, owner: Client) -> None:
    owner.post("/account/notices/", {"on_overtaken": "on", "language": "zh-hans"})
    chosen = NoticeSettings.objects.get(user=stage.owner)
    kept = (chosen.on_finish, chosen.on_overtaken, chosen.on_moderation, chosen.language)
    assert kept == (False, True, False, "zh-hans")
    owner.post("/account/notices/", {"language": "xx"})
    assert NoticeSettings.objects.get(user=stage.owner).language == "en"


def test_deleted_account_leaves_its_scores_without_its_name(stage: Stage, owner: Client, anyone: Client) -> None:
    token = AuthToken.objects.create(user=stage.owner)[1]
    assert "1 submission of yours is still under way" in owner.get("/account/delete/").content.decode()
    wrong = owner.post("/account/delete/", {"typed": "guess"})
    assert "That is not your password." in wrong.content.decode()
    owner.post("/account/delete/", {"typed": PASSWORD})
    assert not User.objects.filter(username="lin").exists()
    assert owner.get("/account/").status_code == 302
    assert anyone.get("/api/v1/submissions/", headers={"Authorization": f"Token {token}"}).status_code == 401
    stage.waiting.refresh_from_db()
    assert (stage.waiting.state, stage.waiting.submitter) == ("cancelled", None)
    for address in (stage.verified.get_absolute_url(), f"/entries/{stage.verified.entry_id}/"):
        page = anyone.get(address).content.decode()
        assert "81.03" in page
        assert "deleted account" in page
        assert ">lin<" not in page
    assert Submission.objects.get(pk=stage.verified.pk).state == "verified"
    assert AuditEvent.objects.filter(action="delete account", actor="lin").exists()


def test_account_without_a_password_is_deleted_by_its_name(stage: Stage, owner: Client) -> None:
    stage.owner.set_unusable_password()
    stage.owner.save()
    client = Client()
    client.force_login(stage.owner, backend="django.contrib.auth.backends.ModelBackend")
    assert "That is not your user name." in client.post("/account/delete/", {"typed": "x"}).content.decode()
    client.post("/account/delete/", {"typed": "lin"})
    assert not User.objects.filter(username="lin").exists()


def test_admin_is_not_deleted(stage: Stage, admin: Client) -> None:
    page = admin.post("/account/delete/", {"typed": PASSWORD})
    assert "not deleted here" in page.content.decode()
    assert User.objects.filter(username="wei").exists()
