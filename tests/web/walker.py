"""Somebody who walks through the portal in a real browser, and knows pages by their words alone."""

import itertools
import re
import time
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

PASSWORD = "correct horse battery"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOCALES = {"en": "en-GB", "zh-hans": "zh-CN"}


@dataclass(frozen=True)
class Look:
    """How somebody comes: in which language, with or without script, on a wide or a narrow screen."""

    language: str
    has_script: bool
    is_narrow: bool

    def __str__(self) -> str:
        script = "script" if self.has_script else "no script"
        return f"{self.language}, {script}, {'narrow' if self.is_narrow else 'wide'}"


LOOKS = [Look(*each) for each in itertools.product(LOCALES, (True, False), (False, True))]
# Of every two of the three choices each pair comes once in these four: what a pair breaks, they show.
PAIRWISE = [look for look in LOOKS if (look.language == "en") ^ look.has_script ^ look.is_narrow]


class Walker:
    """One person with a browser. Fails at the end where a script raised or the content policy blocked something."""

    def __init__(self, browser: Browser, portal: str, look: Look) -> None:
        self.portal, self.look = portal, look
        self.context = browser.new_context(
            viewport=NARROW if look.is_narrow else WIDE,  # type: ignore[arg-type]
            locale=LOCALES[look.language],
            java_script_enabled=look.has_script,
            reduced_motion="reduce",
        )
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("console", self.note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def __enter__(self) -> "Walker":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.context.close()
        assert kind is not None or self.errors == [], (self.look, self.errors)

    def note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.errors.append(message.text)

    def say(self, text: str, **values: object) -> str:
        """Return a text of the interface in this person's language."""
        with translation.override(self.look.language):
            return translation.gettext(text) % values if values else translation.gettext(text)

    def link(self, text: str) -> Locator:
        return self.page.get_by_role("link", name=self.say(text))

    def button(self, text: str) -> Locator:
        return self.page.get_by_role("button", name=self.say(text), exact=True)

    def field(self, label: str, **values: object) -> Locator:
        return self.page.get_by_label(self.say(label, **values))

    def open(self, path: str) -> None:
        self.page.goto(self.portal + path)
        wanted = "zh-Hans" if self.look.language == "zh-hans" else "en"
        expect(self.page.locator("html")).to_have_attribute("lang", wanted)

    def see(self, text: str, **values: object) -> None:
        expect(self.page.locator("main")).to_contain_text(self.say(text, **values))

    def sign_up(self, name: str) -> None:
        self.open("/")
        self.link("Sign in").click()
        self.page.get_by_role("link", name=re.compile("sign up|注册", re.IGNORECASE)).click()
        self.field("Username").fill(name)
        self.field("Email").fill(f"{name}@veriboard.example")
        self.field("Password").first.fill(PASSWORD)
        self.field("Password (again)").fill(PASSWORD)
        self.button("Sign Up").click()
        self.see("My submissions")

    def sign_in(self, name: str) -> None:
        self.open("/accounts/login/")
        self.page.get_by_role("textbox").and_(self.page.locator("main input")).first.fill(name)
        self.field("Password").first.fill(PASSWORD)
        self.page.get_by_role("main").get_by_role("button", name=self.say("Sign In")).click()
        self.see("My submissions")

    def watch(self, locator: Locator, seconds: float = 60) -> None:
        """Wait until it is there; without script by loading the page again, as the page itself advises."""
        if self.look.has_script:
            expect(locator).to_be_visible(timeout=seconds * 1000)
            return
        end = time.monotonic() + seconds
        while not locator.is_visible() and time.monotonic() < end:
            time.sleep(0.5)
            self.page.reload()
        expect(locator).to_be_visible()

    def download(self, locator: Locator) -> Any:
        with self.page.expect_download() as download:
            locator.click()
        return download.value
