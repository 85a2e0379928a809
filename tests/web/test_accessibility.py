"""Every page passes axe-core: WCAG 2.2 AA and its best practices, for everyone who may see it, however it looks."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings

from leaderboard.models import Run
from leaderboard.views import catalogue
from portal.accounts.models import User
from tests.web.conftest import Stage
from tests.web.test_accounts import PASSWORD, make_code
from tests.web.test_pages import list_moderation, list_own, list_public

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = "rules => axe.run({runOnly: rules, resultTypes: ['violations']}).then(answer => answer.violations)"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": WIDE, "color_scheme": "light", "locale": "en-GB"},
    "dark, Chinese": {"viewport": WIDE, "color_scheme": "dark", "locale": "zh-CN"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "locale": "en-GB"},
}


@pytest.fixture(params=LOOKS)
def reader(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page that looks so, with motion reduced so that no colour is measured in passing."""
    context = browser.new_context(**LOOKS[request.param], reduced_motion="reduce")
    yield context.new_page()
    context.close()


def sign_in(page: Page, portal: str, user: User) -> None:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    page.context.clear_cookies()
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": portal}])


def find_violations(page: Page) -> list[str]:
    """Return what axe finds on the page as it stands, each rule with its first places."""
    # The policy forbids the page to load the script; the debugger's own evaluation is not held by it.
    page.evaluate(AXE_SCRIPT)
    return [
        f"{page.url} {violation['id']}: {node['failureSummary']} {node['html'][:200]}"
        for violation in page.evaluate(RUN_AXE, RULES)
        for node in violation["nodes"][:3]
    ]


def check(page: Page, portal: str, addresses: list[str]) -> None:
    found: list[str] = []
    for address in addresses:
        page.goto(portal + address)
        found += find_violations(page)
    assert not found, "\n".join(found)


def test_public_pages(stage: Stage, live_portal: str, reader: Page) -> None:
    lost = ["/nothing/", "/accounts/3rdparty/login/error/", f"{stage.digits.get_absolute_url()}?status=nope"]
    # Filters are folded on a narrow screen until they are asked for.
    check(reader, live_portal, [*list_public(stage), *lost, f"{stage.digits.get_absolute_url()}#filters"])


def test_pages_behind_a_sign_in(stage: Stage, live_portal: str, reader: Page) -> None:
    Run.objects.update(log="chunk 1 of 200\n" * 200)
    sign_in(reader, live_portal, stage.owner)
    check(reader, live_portal, [*list_own(stage), "/", stage.verified.get_absolute_url()])
    sign_in(reader, live_portal, stage.admin)
    findings = f"{stage.imagenet.get_absolute_url()}findings/"
    decided = [stage.waiting.get_absolute_url(), stage.verified.get_absolute_url()]
    check(reader, live_portal, ["/moderation/", *list_moderation(), findings, *decided])


def fail(*_args: object, **_options: object) -> None:
    raise RuntimeError("broken")


def test_states_in_which_nothing_is_shown(
    stage: Stage, live_portal: str, reader: Page, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused for an old form, for too many attempts, and by our own fault."""
    settings.ACCOUNT_RATE_LIMITS = {"reset_password": "1/m/ip"}
    reader.goto(f"{live_portal}/accounts/password/reset/")
    for status in (200, 429):
        reader.goto(f"{live_portal}/accounts/password/reset/")
        reader.locator("main [name=email]").fill("nobody@example.org")
        with reader.expect_response(f"{live_portal}/accounts/password/reset/**") as answer:
            reader.locator("main button[type=submit]").click()
        assert (answer.value.status == 429) == (status == 429)
    assert not find_violations(reader)
    reader.goto(f"{live_portal}/accounts/login/")
    reader.context.clear_cookies()
    reader.locator("main [name=login]").fill("lin")
    reader.locator("main [name=password]").fill("x")
    reader.locator("main button[type=submit]").click()
    expect(reader.locator("main")).to_contain_text("403")
    assert not find_violations(reader)
    monkeypatch.setattr(catalogue, "summarise_boards", fail)
    reader.goto(live_portal)
    expect(reader.locator("main")).to_contain_text("500")
    assert not find_violations(reader)


def test_confirmation_of_many(stage: Stage, live_portal: str, reader: Page) -> None:
    sign_in(reader, live_portal, stage.admin)
    reader.goto(f"{live_portal}/moderation/?queue=verified&all=1")
    reader.locator("[name=reason]").fill("Trained on the test images.")
    reader.locator("[name=action][value=hide]").click()
    assert not find_violations(reader)


def test_second_factor_is_set_up_and_asked_for(stage: Stage, live_portal: str, reader: Page) -> None:
    """The secret, the codes, what asks for them at the next sign-in, and what takes them away."""
    start = "/accounts/2fa/totp/activate/"
    reader.goto(f"{live_portal}/accounts/login/?next={start}")
    give_password(reader)
    # The password is asked for once more before anything about an account's safety changes.
    reader.wait_for_url("**/reauthenticate/**")
    found = find_violations(reader)
    reader.locator("main [name=password]").fill(PASSWORD)
    reader.locator("main button[type=submit]").first.click()
    reader.wait_for_url(f"**{start}")
    found += find_violations(reader)
    secret = reader.locator("main input[readonly], main #authenticator_secret").first.input_value()
    reader.locator("main [name=code]").fill(make_code(secret))
    reader.locator("main button[type=submit]").first.click()
    reader.wait_for_url("**/2fa/recovery-codes/**")
    codes = "/accounts/2fa/recovery-codes/"
    for address in ("/accounts/2fa/", codes, f"{codes}generate/", "/accounts/2fa/totp/deactivate/"):
        reader.goto(live_portal + address)
        found += find_violations(reader)
    reader.context.clear_cookies()
    reader.goto(f"{live_portal}/accounts/login/")
    give_password(reader)
    reader.wait_for_url("**/2fa/authenticate/**")
    found += find_violations(reader)
    assert not found, "\n".join(found)


def give_password(page: Page) -> None:
    page.locator("main [name=login]").fill("lin")
    page.locator("main [name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()


def test_badge_that_nobody_gave_out(stage: Stage, live_portal: str, reader: Page) -> None:
    check(
        reader,
        live_portal,
        ["/search/?q=https://evil.example/badges/digits/resnet-20.svg", "/search/?q=/badges/a/b.svg"],
    )


def test_refused_submission(stage: Stage, live_portal: str, reader: Page) -> None:
    sign_in(reader, live_portal, stage.owner)
    reader.goto(f"{live_portal}/submit/?benchmark=digits")
    reader.locator("form[data-upload]").evaluate("form => { form.noValidate = true; form.requestSubmit() }")
    reader.wait_for_selector("[aria-invalid]")
    assert not find_violations(reader)
