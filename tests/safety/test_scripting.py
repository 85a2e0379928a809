"""What people typed stays text: no stored or asked-for payload becomes markup, runs, or is linked to.

The pages are opened without their Content-Security-Policy, so that the second line of defence does not hide a hole in
the first. Each is compared with itself holding harmless texts: the kinds of elements on it must not change.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import models
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Dialog, Page

from leaderboard.models import (
    AuditEvent,
    Benchmark,
    BoardFacts,
    Delivery,
    Entry,
    Model,
    Paper,
    Submission,
    Task,
    Webhook,
)
from leaderboard.models.addresses import WebAddressField
from leaderboard.queries.moderation import QUEUES
from leaderboard.services.boards.standings import refresh_benchmark
from leaderboard.services.moderating import challenges, moderation
from leaderboard.services.running import attempts, runs, workers
from leaderboard.services.submitting import uploads
from leaderboard.services.telling import webhooks
from leaderboard.templatetags.veriboard import TAGS
from portal.accounts.models import User
from tests.factories import NOW, claim_run, make_benchmark, make_entry, make_submission, make_user
from tests.web.conftest import verify

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAYLOADS = (
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script src=//evil.example></script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//",
    "<svg><script>alert(1)</script>",
    "<svg><animate onbegin=alert(1)>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</title><svg onload=alert(1)>",
    "</script><svg onload=alert(1)>",
    "</textarea><svg onload=alert(1)>",
    "</style><svg onload=alert(1)>",
    "</option><svg onload=alert(1)>",
    "--><svg onload=alert(1)>",
    "]]><svg onload=alert(1)>",
    '" onfocus=alert(1) autofocus="',
    "' onfocus=alert(1) autofocus='",
    '" onmouseover=alert(1) x="',
    "` onmouseover=alert(1) x=`",
    " autofocus onfocus=alert(1) ",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc=<script>alert(1)</script>>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<form action=javascript:alert(1)>",
    "<button formaction=javascript:alert(1)>",
    "<math><a xlink:href=javascript:alert(1)>",
    "<video><source onerror=alert(1)>",
    "<audio src=x onerror=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<link rel=stylesheet href=data:,x>",
    "<style>@import'//evil.example'</style>",
    "<p hx-on:load=alert(1) hx-get=/ >",
    '<noscript><p title="</noscript><svg onload=alert(1)>">',
    '<style><a id="</style><svg onload=alert(1)>">',
    "&lt;svg onload=alert(1)&gt;",
    "&#60;svg onload=alert(1)&#62;",
    "\\u003csvg onload=alert(1)\\u003e",
    "%3Csvg onload=alert(1)%3E",
    "\uff1csvg onload=alert(1)\uff1e",
    "{{ 7|add:7 }}{% debug %}",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](<java\nscript:alert(1)>)",
    "[x](data:text/html,x)",
    "![x](javascript:alert(1))",
    "<javascript:alert(1)>",
    '[x](//e.example "onclick=alert(1)")',
)
ADDRESSES = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    'https://e.example/"onmouseover=alert(1) x="',
)
# Each turn deals the payloads anew, this many further on: of every kind at least as many rows are shown.
STEP = 2
# Opening is ten times as long as reading, so not every turn's pages are opened.
OPENED = 20
# What the portal itself reads: words of a fixed list, digests, packed bytes, what a person cannot choose.
KEPT = {"slug", "key", "state", "status", "verdict", "background", "direction", "queue", "password", "email", "path"}
KEPT |= {"labels_path", "digest", "outcomes", "findings", "attestation", "preprocessing", "sha256", "weights_sha256"}
KEPT |= {"events", "event", "salt"}
KEPT |= {"content_sha256", "evidence_sha256", "from_state", "to_state", "target_id", "target_type"}
SEEN = {
    *("Task.name_en", "Task.description_en", "Resource.title_en", "Resource.description_en", "Resource.type"),
    *("Dataset.name", "Dataset.version", "Dataset.licence", "Dataset.description_en", "Split.name"),
    *("Split.class_names", "Protocol.name_en", "Metric.label", "Metric.name_en", "Metric.unit"),
    *("Model.name", "Model.architecture", "Paper.title", "Paper.authors", "Weights.framework", "Weights.format"),
    *(
        "Entry.extra_data",
        "Entry.variant",
        "Entry.code_urls",
        "Entry.hidden_reason",
        "Claim.source",
        "User.username",
        "Worker.name",
    ),
    *("Submission.model_name", "Submission.architecture", "Submission.framework", "Submission.weights_name"),
    *("Submission.weights_format", "Submission.state_reason", "Run.stage", "Run.log", "Result.report"),
    *("Result.retraction_reason", "AuditEvent.actor", "AuditEvent.reason", "Worker.box", "Worker.queues"),
    *("Ban.reason", "Challenge.text", "Challenge.answer", "Upload.name", "Delivery.fault"),
    "Delivery.payload",
}
# Tells of which kinds of elements, each with the names of its attributes, and of which addresses the pages are made.
READ = """texts => {
    const all = texts.flatMap(text => [...new DOMParser().parseFromString(text, 'text/html').querySelectorAll('*')]);
    const kinds = all.map(one => `${one.localName} ${one.getAttributeNames().sort().join(' ')}`);
    const names = /^(href|src|action|formaction|data|xlink:href|poster|ping)$/;
    const addresses = all.flatMap(one => [...one.attributes]).filter(one => names.test(one.name));
    return [[...new Set(kinds)], [...new Set(addresses.map(one => one.value))]];
}"""
# Opens each text as a page of its own, in which whatever can run does.
OPEN = """texts => Promise.all(texts.map(text => new Promise(resolve => {
    const frame = document.createElement('iframe');
    frame.onload = () => setTimeout(() => resolve(frame.remove()), 10);
    frame.srcdoc = text;
    document.body.append(frame);
})))"""


class Deck:
    """Deals texts to the stored fields, each headed by one character that tells the field, one that tells the row."""

    def __init__(self) -> None:
        self.fields: list[str] = []

    def deal(self, field: str, row: int, turn: int | None, size: int) -> str:
        """Return a harmless text, or as many payloads as there is room for, the first of them the turn's."""
        if field not in self.fields:
            self.fields.append(field)
        text = chr(0xE000 + self.fields.index(field)) + chr(0xF000 + row)
        if turn is None:
            return text
        for step in range(len(PAYLOADS)):
            payload = PAYLOADS[(turn + row + step) % len(PAYLOADS)]
            if step and len(text) + 1 + len(payload) > size:
                break
            text += " " + payload
        return text[:size]

    def name_seen(self, pages: list[str]) -> set[str]:
        shown = set("".join(pages))
        return {field for number, field in enumerate(self.fields) if chr(0xE000 + number) in shown}


def deal_address(row: int, turn: int | None) -> str:
    return f"https://e.example/{row}" if turn is None else ADDRESSES[(turn + row) % len(ADDRESSES)]


def text_fields(kind: type[models.Model]) -> "Iterator[models.Field[Any, Any]]":
    for field in kind._meta.concrete_fields:
        is_text = isinstance(field, models.CharField | models.TextField | models.JSONField)
        if is_text and not field.choices and field.name not in KEPT:
            yield field


def soak(value: Any, text: str, address: str) -> Any:
    """Return the JSON value with each of its texts replaced, those under "url" by the address."""
    if isinstance(value, dict):
        return {key: soak(each, address if key == "url" else text, address) for key, each in value.items()}
    if isinstance(value, list):
        return [soak(each, text, address) for each in value]
    return text if isinstance(value, str) else value


def fill(deck: Deck, turn: int | None) -> None:
    """Put a text into every text field of everything that is stored; without a turn, a harmless one."""
    kinds: list[type[models.Model]] = [*apps.get_app_config("leaderboard").get_models(), User]
    for kind in kinds:
        fields = list(text_fields(kind))
        rows = kind._default_manager.order_by("pk") if fields and kind not in {AuditEvent, BoardFacts} else ()
        for row, thing in enumerate(rows):
            values = {field.name: choose(deck, field, row, turn, getattr(thing, field.name)) for field in fields}
            kind._default_manager.filter(pk=thing.pk).update(**values)
    for row in range(STEP):
        texts = {name: deck.deal(f"AuditEvent.{name}", row, turn, 60) for name in ("actor", "action", "reason")}
        AuditEvent.objects.create(at=timezone.now(), target_type="entry", target_id="1", **texts)
    BoardFacts.objects.update(is_stale=True)
    cache.clear()


def choose(deck: Deck, field: "models.Field[Any, Any]", row: int, turn: int | None, value: Any) -> Any:
    if isinstance(field, WebAddressField):
        return value and deal_address(row, turn)
    text = deck.deal(f"{field.model.__name__}.{field.name}", row, turn, getattr(field, "max_length", None) or 300)
    if isinstance(field, models.JSONField):
        return soak(value, text, deal_address(row, turn))
    # Nobody can sign up with a slash in the name, and their page has no address then.
    return text.replace("/", "") if field.name == "username" else text


@pytest.fixture
def board(db: None) -> Benchmark:
    """A board of which every text that a page can show is there: claims, runs, findings, reasons, a worker."""
    owner, admin = make_user("lin"), make_user("wei", is_staff=True, is_superuser=True)
    board = make_benchmark("digits", description="x")
    Task.objects.create(slug="part", name_en="Part", parent=board.task)
    make_benchmark("letters")
    for number in range(STEP):
        board.task.resources.create(title="x", url=f"https://e.example/{number}", type="x", description="x")
    board.split.dataset.homepage_url = "https://e.example/data"
    board.split.dataset.save()
    board.split.class_names = ["cat", "dog"]
    board.split.save()
    make_entry(board, "Claimed", claims={"top1": 82.0})
    hidden = make_entry(board, "Hidden", claims={"top1": 83.0})
    refresh_benchmark(board)
    verify(board, owner, "Good", 81.0, claims={"top1": 81.0})
    bad = verify(board, owner, "Bad", 80.0, claims={"top1": 91.0})
    gone = verify(board, owner, "Gone", 79.0, claims={})
    for submission in (bad, gone):
        submission.refresh_from_db()
    moderation.retract(gone, by=admin, at=NOW, reason="x")
    moderation.hide(hidden, by=admin, at=NOW, reason="x")
    moderation.ban(make_user("eva"), by=admin, at=NOW, reason="x")
    links = {"paper_url": "https://e.example/paper", "code_url": "https://e.example/code"}
    for name in ("Failed", "Running", "Running too"):
        submission = make_submission(board, owner, model_name=name, **links)
        run = claim_run(attempts.enqueue(submission, by=owner, at=NOW))
        assert run.token
        if name == "Failed":
            runs.record_fault(run.pk, run.token, "x", at=NOW)
    Model.objects.update(paper=Paper.objects.create(url="https://e.example/paper", title="x", authors="x"))
    Entry.objects.update(code_urls=[{"label": "x", "url": "https://e.example/code"}])
    Submission.objects.update(**links)
    for name in ("worker-a", "worker-b"):
        workers.announce(name, queues=["cpu"], box="bwrap", at=NOW)
    for number in range(STEP):
        hook = webhooks.make(f"https://e.example/{number}", ["run.finished"], by=owner, at=NOW)
        Delivery.objects.create(webhook=hook, event="test", payload={"data": "x"}, fault="x", created_at=NOW)
    for size in range(1, 1 + STEP):
        uploads.begin(by=owner, name="x", size=size, at=NOW)
    for one, url in zip(Entry.objects.filter(is_hidden=False), ("https://e.example/why", ""), strict=False):
        made = challenges.challenge(one, "Something is wrong with it.", url, by=owner, at=NOW)
        if url:
            challenges.settle(made, True, "x", by=admin, at=NOW)
    return board


def list_addresses(board: Benchmark) -> list[str]:
    """Return every page that shows what is stored. The addresses follow the names, so they are listed anew."""
    shown = Entry.objects.filter(is_hidden=False).order_by("pk")
    one, two, *_ = shown.values_list("pk", flat=True)
    queues = (f"/moderation/?queue={name}" for name in (*QUEUES, "claims"))
    return [
        *("/", "/tasks/", "/datasets/", "/models/", "/compare/", f"/compare/?a={one}&b={two}"),
        *("/moderation/workers/", "/moderation/audit/", *queues),
        *(f"/compare/?benchmark={board.slug}", board.get_absolute_url(), f"{board.get_absolute_url()}findings/"),
        *(board.task.get_absolute_url(), board.split.dataset.get_absolute_url(), "/search/?q=alert"),
        *(submission.get_absolute_url() for submission in Submission.objects.all()),
        *(entry.get_absolute_url() for entry in shown[1:2]),
        *(model.get_absolute_url() for model in Model.objects.all()[:1]),
        *(paper.get_absolute_url() for paper in Paper.objects.all()),
        *(f"/people/{quote(user.username)}/" for user in User.objects.filter(submissions__isnull=False).distinct()),
        *("/submissions/", "/account/", "/challenges/", "/moderation/challenges/"),
        *("/account/webhooks/", *(webhook.get_absolute_url() for webhook in Webhook.objects.all())),
        *(f"/entries/{entry.pk}/challenge/" for entry in shown[1:2]),
        *(f"/submit/?again={submission.pk}" for submission in Submission.objects.all()[:1]),
    ]


class Bench:
    """Where pages are read and opened: everything that ran is noted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.ran: list[str] = []
        page.on("dialog", self.note)

    def note(self, dialog: Dialog) -> None:
        self.ran.append(dialog.message)
        dialog.dismiss()

    def read(self, texts: list[str]) -> tuple[set[str], set[str]]:
        """Return the kinds of elements, each with the names of its attributes, and the addresses in the pages."""
        kinds, addresses = self.page.evaluate(READ, texts)
        return set(kinds), set(addresses)

    def open(self, texts: list[str]) -> None:
        self.page.evaluate(OPEN, texts)


@pytest.fixture
def bench(browser: Browser) -> Iterator[Bench]:
    context = browser.new_context(bypass_csp=True, offline=True)
    yield Bench(context.new_page())
    context.close()


def find_strange(addresses: set[str]) -> set[str]:
    """Return the addresses of another scheme than the web's, as a browser reads them."""
    found = {address: re.match(r"[a-z][a-z0-9+.-]*:", re.sub(r"[\0- ]", "", address.lower())) for address in addresses}
    return {address for address, scheme in found.items() if scheme and scheme[0] not in {"http:", "https:"}}


def read_pages(client: Client, addresses: list[str]) -> list[str]:
    answers = [(address, client.get(address)) for address in addresses]
    assert {address: answer.status_code for address, answer in answers if answer.status_code >= 500} == {}
    return [answer.content.decode() for _address, answer in answers]


def test_a_hole_would_be_seen(bench: Bench) -> None:
    """Each kind of payload is caught by the check when it is not escaped."""
    bench.open(["<img src=x onerror=alert(1)>"])
    assert bench.ran == ["1"]
    kinds, addresses = bench.read(['<p title="" onclick="alert(1)"><a href=" java\tscript:x">'])
    assert "p onclick title" in kinds
    assert find_strange(addresses) == {" java\tscript:x"}


def test_stored_text_stays_text(board: Benchmark, bench: Bench) -> None:
    owner, admin = Client(), Client()
    owner.force_login(User.objects.get(username="lin"))
    admin.force_login(User.objects.get(username="wei"))
    deck = Deck()

    def show(turn: int | None) -> list[str]:
        fill(deck, turn)
        addresses = list_addresses(board)
        own = {each for each in addresses if each.startswith(("/submi", "/account/", "/challenges/"))}
        return read_pages(owner, sorted(own)) + read_pages(admin, [each for each in addresses if each not in own])

    pages = show(None)
    assert deck.name_seen(pages) >= SEEN, SEEN - deck.name_seen(pages)
    # The trail grows turn by turn, and then has a further page.
    harmless = bench.read(pages)[0] | {f"{tag} " for tag in TAGS} | {"a href rel", "a class href rel"}
    for turn in range(0, len(PAYLOADS), STEP):
        pages = show(turn)
        kinds, addresses = bench.read(pages)
        assert kinds <= harmless, (turn, kinds - harmless)
        assert find_strange(addresses) == set(), turn
        if turn % OPENED == 0:
            bench.open(pages)
    assert bench.ran == []


def test_what_is_asked_for_stays_text(board: Benchmark, bench: Bench) -> None:
    client = Client()
    client.force_login(User.objects.get(username="lin"))
    asked = [
        *(
            f"{board.get_absolute_url()}?{name}=%s"
            for name in ("q", "framework", "as_of", "metric", "status", "cursor")
        ),
        *("/search/?q=%s", "/compare/?benchmark=%s", "/accounts/reauthenticate/?next=%s"),
    ]
    form = (
        "model_name",
        "architecture",
        "framework",
        "weights_url",
        "weights_sha256",
        "protocol_crop",
        "protocol_mean",
        "claim_top1",
    )

    def show(text: str) -> list[str]:
        sent = client.post("/submit/", {"benchmark": board.slug, **dict.fromkeys(form, text)})
        return [*read_pages(client, [each % quote(text) for each in asked]), sent.content.decode()]

    harmless = bench.read(show("x") + show("/") + show("nowhere") + show("x\ny"))[0]
    # Two at a time: an answer quotes no more than a hundred characters.
    for turn in range(0, len(PAYLOADS), 2):
        text = " ".join(PAYLOADS[turn : turn + 2])
        kinds, addresses = bench.read(show(text))
        assert kinds <= harmless, (text, kinds - harmless)
        assert find_strange(addresses) == set(), text


@pytest.mark.django_db(transaction=True)
def test_served_documents_run_nothing(board: Benchmark, live_portal: str, bench: Bench) -> None:
    """Badges and feeds are documents of their own; pages are opened here as they are served, with our scripts."""
    bench.page.context.set_offline(False)
    model = Entry.objects.filter(status="verified")[0].model
    documents = [f"/badges/{board.slug}/{model.slug}.svg", f"/benchmarks/{board.slug}/feed.atom", "/changes/feed.atom"]
    pages = [board.get_absolute_url(), model.get_absolute_url(), "/", "/search/?q=%22%3E%3Csvg%20onload=alert(1)%3E"]
    deck = Deck()
    for turn in range(0, len(PAYLOADS), OPENED):
        fill(deck, turn)
        for address in documents:
            answer = bench.page.goto(live_portal + address)
            assert answer
            assert answer.status == 200
            names = bench.page.evaluate("[...document.querySelectorAll('*')].map(one => one.localName)")
            assert not {"script", "a", "img", "iframe", "parsererror"} & set(names), (address, turn)
        for address in pages:
            bench.page.goto(live_portal + address)
    assert bench.ran == []
