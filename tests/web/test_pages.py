"""Every page, in both languages, for everyone who may see it."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.base import ContentFile
from django.test import Client, RequestFactory
from django.utils import timezone

from leaderboard.models import Challenge, Model, Result, Submission, Webhook
from leaderboard.queries.moderation import QUEUES
from leaderboard.services.moderating import moderation
from leaderboard.templatetags.veriboard import p_value
from leaderboard.urls import urlpatterns
from tests.factories import NOW, make_benchmark, make_user
from tests.web.conftest import Stage

PAGE_BYTES = 100_000
QUERIES = 26
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
OPTIONAL = {"option"}
SVG_LEAVES = {"rect", "use", "line", "circle", "path"}


def list_public(stage: Stage) -> list[str]:
    model = Model.objects.get(name="Inception-v3")
    return [
        *("/", "/tasks/", "/tasks/image-classification/", "/datasets/", "/datasets/imagenet/", "/datasets/digits/"),
        *(
            "/models/",
            f"/models/{model.slug}/",
            "/models/resnet-20/",
            "/search/",
            "/changes/",
            f"/changes/?benchmark={stage.digits.slug}&days=7",
            f"{stage.digits.get_absolute_url()}?columns=parameters,multiply_adds,published,extra_data",
            "/search/?q=resnet",
            "/search/?q=%00",
        ),
        *(stage.imagenet.get_absolute_url(), stage.digits.get_absolute_url(), "/how-we-verify/"),
        f"/benchmarks/{stage.imagenet.slug}/findings/",
        f"/benchmarks/{stage.digits.slug}/findings/",
        f"/benchmarks/{stage.digits.slug}/?metric=top5&status=verified&framework=PyTorch&max_parameters=5000000",
        f"/benchmarks/{stage.digits.slug}/?q=nothing",
        stage.verified.get_absolute_url(),
        *(f"/entries/{stage.verified.entry_id}/", f"/entries/{stage.imagenet.entries.all()[0].pk}/", "/people/lin/"),
        f"/papers/{model.paper_id}/",
        *("/compare/", f"/compare/?benchmark={stage.digits.slug}", compare(stage)),
        *("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/accounts/password/reset/done/"),
        *("/accounts/inactive/", "/accounts/confirm-email/", "/accounts/confirm-email/x/"),
        *("/accounts/password/reset/key/1-x/", "/accounts/password/reset/key/done/"),
        *("/accounts/3rdparty/login/cancelled/", "/accounts/github/login/"),
    ]


def compare(stage: Stage) -> str:
    one, two = stage.digits.entries.filter(status__in=["verified", "mismatch"]).values_list("pk", flat=True)
    return f"/compare/?a={one}&b={two}"


def list_own(stage: Stage) -> list[str]:
    claimed = stage.digits.entries.get(status="claimed")
    return [
        *("/submit/", f"/submit/?benchmark={stage.digits.slug}", f"/submit/?entry={claimed.pk}"),
        *(f"/submit/?again={stage.verified.pk}", "/submit/?entry=x&again=y", "/submissions/", "/account/"),
        *("/challenges/", f"/entries/{claimed.pk}/challenge/"),
        *(stage.waiting.get_absolute_url(), stage.failed.get_absolute_url()),
        *("/account/webhooks/", *(each.get_absolute_url() for each in Webhook.objects.all())),
        *("/account/delete/", "/accounts/email/", "/accounts/password/change/", "/accounts/logout/", "/accounts/2fa/"),
        "/accounts/3rdparty/",
    ]


def list_moderation() -> list[str]:
    queues = (f"/moderation/?queue={name}" for name in (*QUEUES, "claims"))
    return [
        *queues,
        "/moderation/workers/",
        "/moderation/audit/",
        "/moderation/audit/?until=2020-01-01",
        "/moderation/challenges/",
    ]


class Nesting(HTMLParser):
    """Fails on a tag that is closed in another order than it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID | OPTIONAL:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        assert tag in VOID | SVG_LEAVES, f"<{tag}/> is not closed in HTML"

    def handle_endtag(self, tag: str) -> None:
        if tag in OPTIONAL:
            return
        assert self.open.pop() == tag, f"</{tag}> closes nothing at {self.getpos()}"


def look(client: Client, address: str, language: str, max_queries: Callable[..., object]) -> str:
    with max_queries(QUERIES):  # type: ignore[attr-defined]
        answer = client.get(address, headers={"accept-language": language})
    assert answer.status_code == 200, f"{address} answered {answer.status_code}"
    text = answer.content.decode()
    Nesting().feed(text)
    assert len(answer.content) < PAGE_BYTES, f"{address} has {len(answer.content)} bytes"
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=", text), (
        f"{address} has inline code"
    )
    assert "None" not in re.sub(r"<[^>]*>", "", text), f"{address} shows None"
    return text


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_public_pages(
    stage: Stage, anyone: Client, language: str, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for address in list_public(stage):
        text = look(anyone, address, language, django_assert_max_num_queries)
        assert ('lang="zh-Hans"' if language == "zh-hans" else '<html lang="en"') in text


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_own_pages(
    stage: Stage, owner: Client, language: str, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for address in [*list_own(stage), *list_public(stage)]:
        if "/accounts/login" not in address and "/accounts/signup" not in address:
            look(owner, address, language, django_assert_max_num_queries)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_admin_pages(
    stage: Stage, admin: Client, language: str, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for address in ["/moderation/", *list_moderation(), stage.waiting.get_absolute_url(), *list_public(stage)[:10]]:
        look(admin, address, language, django_assert_max_num_queries)


def test_what_needs_an_account_asks_for_it(stage: Stage, anyone: Client) -> None:
    for address in ("/submit/", "/submissions/", "/account/", "/moderation/"):
        answer = anyone.get(address)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/")


def test_moderation_is_for_staff(stage: Stage, owner: Client, anyone: Client) -> None:
    assert anyone.get("/moderation/").headers["Location"].startswith("/accounts/login/")
    # To be sent to sign in would be no way out of here.
    assert owner.get("/moderation/").status_code == 403


def test_unfinished_submissions_are_private(stage: Stage, anyone: Client, admin: Client) -> None:
    for submission in (stage.waiting, stage.failed):
        address = submission.get_absolute_url()
        answer = anyone.get(address)
        assert answer.status_code == 404
        # Its submitter may follow a mail without being signed in.
        assert f'href="/accounts/login/?next={address}"' in answer.content.decode()
        assert admin.get(address).status_code == 200


def test_watched_page_is_loaded_again_where_the_session_has_ended(stage: Stage, anyone: Client) -> None:
    answer = anyone.get(stage.waiting.get_absolute_url(), headers={"HX-Request": "true"})
    assert answer["HX-Refresh"] == "true"
    assert answer.content == b""


@pytest.mark.parametrize(
    "address",
    [
        *("/nothing/", "/tasks/x/", "/datasets/x/", "/models/x/", "/benchmarks/x/", "/benchmarks/x/findings/"),
        *("/badges/digits/x.svg", "/badges/x/resnet-20.svg", "/compare/?a=x", "/compare/?a=99999999999999999999"),
        *(
            "/submissions/00000000-0000-4000-8000-000000000000/",
            "/entries/0/",
            "/papers/0/",
            "/people/nobody/",
            "/benchmarks/digits/export.xml",
        ),
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(stage: Stage, anyone: Client, address: str) -> None:
    answer = anyone.get(address)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        *("metric=nope", "status=nope", "max_parameters=x", "max_parameters=-1", "as_of=yesterday", "cursor=%00"),
        *("cursor=bm9wZQ", "q=" + "x" * 400, "framework=%00", "max_parameters=" + "9" * 30),
    ],
)
def test_bad_filter_gets_a_sentence(stage: Stage, anyone: Client, query: str) -> None:
    answer = anyone.get(f"{stage.imagenet.get_absolute_url()}?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()


def test_board_shows_every_row_of_the_seed_as_not_verified(stage: Stage, anyone: Client) -> None:
    text = anyone.get(stage.imagenet.get_absolute_url()).content.decode()
    assert text.count("not verified") == 20
    assert text.count("<tr id=") == 20
    assert "82.858" in text
    assert "Acc@1 has been sorted on its own" in text
    # Inception-v3 alone has two weights links, each with its framework.
    (row,) = re.findall(r'<tr id="entry-\d+"[^>]*>(?:(?!</tr>).)*>Inception-v3<.*?</tr>', text, re.S)
    assert re.findall(r'title="weights (\w+)">(\w+)<', row) == [("TensorFlow", "TensorFlow"), ("PyTorch", "PyTorch")]


def test_board_fragment_is_the_table_alone(stage: Stage, anyone: Client) -> None:
    answer = anyone.get(stage.digits.get_absolute_url(), headers={"HX-Request": "true"})
    text = answer.content.decode().strip()
    assert text.startswith('<section id="table"')
    assert "<html" not in text


def test_rank_verdict_and_claim_stand_side_by_side(stage: Stage, anyone: Client) -> None:
    text = anyone.get(stage.digits.get_absolute_url()).content.decode()
    rows = re.findall(r"<tr id=.*?</tr>", text, re.S)
    names = [re.search(r'href="/models/[^"]*">([^<]*)<', row)[1] for row in rows]  # type: ignore[index]
    assert names == ["Claimed only", "ResNet-32", "ResNet-20"]
    assert "match" in rows[1]
    assert "<b>1</b>" in rows[1]
    assert "\N{MINUS SIGN}10.70 below" in rows[2]
    assert "<b>" not in rows[0].partition("</td>")[0], "a claim is not ranked"


def test_neighbours_and_comparison_show_the_paired_test(stage: Stage, anyone: Client) -> None:
    text = anyone.get(stage.verified.get_absolute_url()).content.decode()
    assert "it alone right 0 times, this one 0" in text
    text = anyone.get(compare(stage)).content.decode()
    assert "ResNet-20 alone is right 0 times, ResNet-32 alone 0 times" in text
    assert "cannot be told apart" in text


@pytest.mark.parametrize(("value", "written"), [(0.32, "p = 0.32"), (2.31e-9, "p = 2.3e−9"), (1e-12, "p < 1e−9")])
def test_small_probability_is_written_as_people_write_it(value: float, written: str) -> None:
    assert p_value(value) == written


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_digits_are_grouped_in_both_languages(stage: Stage, anyone: Client, language: str) -> None:
    answer = anyone.get("/models/densenet-121/", headers={"Accept-Language": language})
    assert "7,978,856" in answer.content.decode()


def test_ledger_tells_what_was_claimed_run_and_decided(stage: Stage, anyone: Client, admin: Client) -> None:
    Submission.objects.update(created_at=NOW)
    admin.post(f"/moderation/retract/{stage.verified.pk}/", {"reason": "Trained on the test images."})
    text = anyone.get(f"/entries/{stage.verified.entry_id}/").content.decode()
    ledger = text.find("Ledger")
    steps = ["queued", "running", "verified", "81.030", "retracted", "Trained on the test images."]
    places = [text.find(step, ledger) for step in steps]
    assert -1 not in places
    assert ledger < text.find("91.73", ledger) < text.find("81.030", ledger), "what was claimed was claimed before"


def test_person_shows_attempts_in_the_open(stage: Stage, anyone: Client) -> None:
    text = anyone.get("/people/lin/").content.decode()
    assert "4 submissions in all" in text
    assert "Broken" not in text
    assert "ResNet-32" in text


def test_exports(stage: Stage, anyone: Client) -> None:
    base = f"/benchmarks/{stage.digits.slug}/export"
    csv = anyone.get(f"{base}.csv")
    assert csv["Content-Type"].startswith("text/csv")
    assert csv.content.decode().splitlines()[0].startswith("rank,")
    assert "| ResNet-32 |" in anyone.get(f"{base}.md").content.decode()
    assert "ResNet-20" in anyone.get(f"{base}.json").content.decode()
    assert anyone.get(f"{base}.pwc.json").json()
    assert "model-index" in anyone.get(f"{base}.model-index.yml").content.decode()
    assert "@misc" in anyone.get(f"/benchmarks/{stage.imagenet.slug}/export.bib").content.decode()
    assert anyone.get(f"{base}.csv?status=nope").status_code == 400


def test_badge_says_whether_the_number_is_verified(stage: Stage, anyone: Client) -> None:
    verified = anyone.get(f"/badges/{stage.digits.slug}/resnet-20.svg")
    assert verified["Content-Type"] == "image/svg+xml"
    assert "81.03 verified" in verified.content.decode()
    claimed = anyone.get(f"/badges/{stage.imagenet.slug}/densenet-121.svg").content.decode()
    assert "82.86 not verified" in claimed


def test_changes_have_a_feed(stage: Stage, anyone: Client) -> None:
    moderation.retract(stage.verified, by=stage.admin, at=timezone.now(), reason="Trained on the test images.")
    Result.objects.filter(retracted_at=None).update(created_at=timezone.now())
    for address in ("/changes/feed.atom", "/changes/feed.atom?benchmark=digits"):
        text = anyone.get(address).content.decode()
        titles = re.findall(r"<entry><title>([^<]*)</title>", text)
        assert sorted(titles) == [
            "ResNet-20: Acc@1 81.030 (retracted)",
            "ResNet-32: Acc@1 81.900 (verified, matches its claim)",
        ]
        assert "Trained on the test images." in text
    assert "<entry>" not in anyone.get(f"/changes/feed.atom?benchmark={stage.imagenet.slug}").content.decode()
    assert anyone.get("/changes/feed.atom?benchmark=nothing").status_code == 404
    assert "/changes/feed.atom?benchmark=digits" in anyone.get("/changes/?benchmark=digits").content.decode()


def test_feeds_are_set_as_chinese_is(stage: Stage, anyone: Client) -> None:
    Result.objects.update(created_at=timezone.now())
    chinese = {"Accept-Language": "zh-CN"}
    changes = anyone.get("/changes/feed.atom", headers=chinese).content.decode()
    board = anyone.get("/benchmarks/digits/feed.atom", headers=chinese).content.decode()
    assert "<title>Veriboard：有何变化</title>" in changes
    assert "<title>ResNet-32：Acc@1 81.900（已验证，与声称相符）</title>" in changes
    assert "95% 置信区间 80.900 – 82.900。声称值：81.9。" in board


@pytest.mark.parametrize("path", ["/benchmarks/digits/", "/submit/", "/how-we-verify/", "/datasets/", "/submissions/"])
def test_no_space_follows_a_full_width_mark(stage: Stage, owner: Client, path: str) -> None:
    page = owner.get(path, headers={"Accept-Language": "zh-CN"}).content.decode()
    main = page.partition("<main")[2].partition("</main")[0]
    blocks = re.split(r"</?(?:p|div|li|td|th|option|label|h\d)\b[^>]*>", main)
    texts = [" ".join(re.sub(r"<[^>]*>", "", block).split()) for block in blocks]
    assert any(re.search(r"[\u4e00-\u9fff]", text) for text in texts)
    assert [text for text in texts if re.search(r"[，。：；（）] |[\u4e00-\u9fff] ?\(", text)] == []


def test_feed_lists_what_was_verified(stage: Stage, anyone: Client) -> None:
    text = anyone.get(f"/benchmarks/{stage.digits.slug}/feed.atom").content.decode()
    assert text.count("<entry>") == 2
    assert "ResNet-32: Acc@1 81.900" in text


def test_feeds_name_their_author_as_atom_wants(stage: Stage, anyone: Client) -> None:
    for path in (f"/benchmarks/{stage.imagenet.slug}/feed.atom", "/changes/feed.atom"):
        assert "<author><name>Veriboard</name></author>" in anyone.get(path).content.decode()


@pytest.mark.parametrize("method", ["TRACE", "PUT", "BREW"])
def test_page_answers_no_method_that_it_does_not_know(rf: RequestFactory, method: str) -> None:
    for pattern in urlpatterns:
        request = rf.generic(method, "/")
        request.user = AnonymousUser()
        # The method is looked at before what the address names is, or signing in is asked for first.
        assert pattern.callback(request).status_code in (302, 405), pattern.name


def test_page_says_which_methods_it_knows(stage: Stage, anyone: Client) -> None:
    for address in ("/", f"/benchmarks/{stage.digits.slug}/", f"/benchmarks/{stage.digits.slug}/feed.atom"):
        answer = anyone.options(address)
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert anyone.options("/submit/")["Allow"] == "GET, HEAD, POST"


def test_form_of_an_ended_session_comes_back_as_it_was_typed(stage: Stage, anyone: Client) -> None:
    typed = {
        "benchmark": "digits",
        "model_name": "网络 & Co",
        "claim_top1": "81.5",
        "resize": "40",
        "code_url": "x" * 4000,
    }
    answer = anyone.post(
        "/submit/", typed | {"weights": ContentFile(b"weights", "a.pth"), "request_key": "k"}, follow=True
    )
    assert "Your session had ended." in answer.content.decode()
    address = parse_qs(urlsplit(answer.redirect_chain[-1][0]).query)["next"][0]
    anyone.force_login(stage.owner)
    page = anyone.get(address).content.decode()
    assert 'value="网络 &amp; Co"' in page
    assert 'value="81.5"' in page
    assert "xxx" not in page
    assert Submission.objects.filter(model_name="网络 & Co").count() == 0


def test_lists_without_anything_in_them_have_no_head(stage: Stage, admin: Client, anyone: Client) -> None:
    make_user("mei")
    for client, address in (
        (anyone, "/people/mei/"),
        (admin, "/submissions/"),
        (admin, "/moderation/audit/?until=2020-01-01"),
        (anyone, f"/changes/?benchmark={make_benchmark('nobody').slug}"),
        (anyone, "/search/?q=zzzz"),
    ):
        text = client.get(address).content.decode()
        assert '<p class="empty">' in text, address
        assert "<thead>" not in text
        assert '<ul class="ledger">' not in text


def test_challenge_of_an_ended_session_comes_back_as_it_was_typed(stage: Stage, anyone: Client) -> None:
    address = f"/entries/{stage.verified.entry_id}/challenge/"
    answer = anyone.post(
        address, {"text": "It was trained on <b>the test images</b>.", "evidence_url": "https://a.org"}
    )
    anyone.force_login(stage.owner)
    page = anyone.get(parse_qs(urlsplit(answer["Location"]).query)["next"][0]).content.decode()
    assert "It was trained on &lt;b&gt;the test images&lt;/b&gt;.</textarea>" in page
    assert 'value="https://a.org"' in page
    assert not Challenge.objects.exists()


@pytest.mark.parametrize(
    ("came_from", "leads_to"),
    [
        ("http://testserver/moderation/?queue=verified&page=2", "/moderation/?queue=verified&page=2"),
        ("http://testserver/moderation/decide/", "/moderation/"),
        ("https://elsewhere.org/moderation/", "/moderation/"),
        ("", "/moderation/"),
    ],
)
def test_button_of_an_ended_session_leads_back_to_its_page(
    stage: Stage, anyone: Client, came_from: str, leads_to: str
) -> None:
    data = {"action": "hide", "reason": "Trained on test.", "chosen": str(stage.verified.pk)}
    answer = anyone.post("/moderation/decide/", data, headers={"Referer": came_from}, follow=True)
    assert "nothing was done" in answer.content.decode()
    anyone.force_login(stage.admin)
    address = parse_qs(urlsplit(answer.redirect_chain[-1][0]).query)["next"][0]
    assert address == leads_to
    assert anyone.get(address).status_code == 200


def test_ids_in_feeds_are_addresses_as_atom_wants_them(stage: Stage, anyone: Client) -> None:
    moderation.retract(stage.verified, by=stage.admin, at=timezone.now(), reason="Trained on the test images.")
    for path in (f"/benchmarks/{stage.digits.slug}/feed.atom", "/changes/feed.atom"):
        ids = re.findall(r"<id>([^<]*)</id>", anyone.get(path).content.decode())
        assert len(ids) == len(set(ids)) == 2
        assert all(re.fullmatch(r"(https?://|tag:[\w.]+,\d{4}-\d\d-\d\d:)[\w/.:-]+", each) for each in ids), ids


def test_public_key_is_served(stage: Stage, anyone: Client) -> None:
    assert anyone.get("/attestation-key.pem").content.startswith(b"-----BEGIN PUBLIC KEY-----")


def test_polling_fragment_ends_with_a_reload(stage: Stage, owner: Client) -> None:
    waiting = owner.get(stage.waiting.get_absolute_url(), headers={"HX-Request": "true"})
    assert 'hx-trigger="every 2s"' in waiting.content.decode()
    assert "HX-Refresh" not in waiting
    settled = owner.get(stage.failed.get_absolute_url(), headers={"HX-Request": "true"})
    assert settled["HX-Refresh"] == "true"
    assert "The file is cut short; upload it again." in settled.content.decode()


def test_content_policy_allows_nothing_inline(stage: Stage, anyone: Client) -> None:
    policy = anyone.get("/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_kind_of_a_resource_is_said_in_the_readers_language(stage: Stage, anyone: Client) -> None:
    task = stage.imagenet.task
    task.resources.create(title="Notes", url="https://example.org", type="Lab diary")
    page = anyone.get(task.get_absolute_url(), headers={"accept-language": "zh-hans"}).content.decode()
    assert "代码仓库" in page
    assert "Lab diary" in page
