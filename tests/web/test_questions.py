"""A reader's three questions, each answered within three clicks of home, with and without script."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page

from leaderboard.models import Model, Result
from tests.web.conftest import Stage

pytestmark = pytest.mark.django_db(transaction=True)


class Clicks:
    """Counts what a reader has to click."""

    def __init__(self, page: Page, has_script: bool) -> None:
        self.page, self.has_script, self.count = page, has_script, 0

    def follow(self, name: str, *, exact: bool = True) -> None:
        self.page.get_by_role("link", name=name, exact=exact).first.click()
        self.page.wait_for_load_state("networkidle")
        self.count += 1


@pytest.fixture(params=["script", "no script"])
def reader(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Clicks]:
    has_script = request.param == "script"
    context = browser.new_context(java_script_enabled=has_script, locale="en-GB", reduced_motion="reduce")
    yield Clicks(context.new_page(), has_script)
    context.close()


@pytest.mark.browser
def test_best_verified_under_ten_million_parameters(stage: Stage, live_portal: str, reader: Clicks) -> None:
    Model.objects.filter(name="ResNet-32").update(parameters=60_000_000)
    Model.objects.get(name="ResNet-32").save()
    page = reader.page
    page.goto(live_portal)
    reader.follow("Digits test")
    reader.follow("Verified", exact=False)
    page.locator(".segments [aria-current]", has_text="Verified").wait_for()
    page.select_option("[name=max_parameters]", "10000000")
    # The choice itself may already load the page anew, so the page is not asked whether it has script.
    if reader.has_script:
        page.wait_for_url("**max_parameters=10000000**")
    else:
        page.get_by_role("button", name="Filter").click()
    page.wait_for_function("document.querySelectorAll('.board tbody tr').length === 1")
    assert page.locator(".board tbody th a").inner_text() == "ResNet-20"
    assert page.locator(".board .rank b").inner_text().startswith("2")
    assert reader.count + 1 <= 3


@pytest.mark.browser
def test_what_changed_last_month(stage: Stage, live_portal: str, reader: Clicks) -> None:
    Result.objects.update(created_at=timezone.now())
    reader.page.goto(live_portal)
    reader.follow("What changed last month")
    assert "ResNet-20" in reader.page.locator("main").inner_text()
    assert "2\n" in reader.page.locator(".counts").inner_text()
    assert reader.count <= 2


@pytest.mark.browser
def test_is_this_badge_true(stage: Stage, live_portal: str, reader: Clicks) -> None:
    page = reader.page
    # What a README shows is the badge's address, and its link.
    page.goto(f"{live_portal}/badges/digits/resnet-20/")
    main = page.locator("main").inner_text()
    assert "81.030" in main
    assert "91.73" in main
    assert "10.70" in main
    reader.follow("Evidence")
    assert f"/submissions/{stage.verified.pk}/" in page.url
    assert reader.count <= 3


@pytest.mark.browser
def test_best_small_one_is_one_click_from_home(stage: Stage, live_portal: str, reader: Clicks) -> None:
    reader.page.goto(live_portal)
    reader.page.locator(".questions").get_by_role("link", name="Digits", exact=True).click()
    reader.page.wait_for_url("**max_parameters=10000000**")
    models = reader.page.locator(".board tbody th a").all_inner_texts()
    assert models == ["ResNet-32", "ResNet-20"]


@pytest.mark.parametrize(
    "text",
    [
        "/badges/digits/resnet-20.svg",
        "http://127.0.0.1:8000/badges/digits/resnet-20/",
        "http://testserver/badges/digits/resnet-20.svg",
        "[![Digits](http://127.0.0.1:8000/badges/digits/resnet-20.svg)](http://127.0.0.1:8000/badges/digits/resnet-20/)",
    ],
)
def test_badge_is_looked_up_where_everything_is(stage: Stage, anyone: Client, text: str) -> None:
    assert anyone.get("/search/", {"q": text})["Location"] == f"/entries/{stage.verified.entry_id}/"


def test_badge_that_is_not_ours_is_called_so(stage: Stage, anyone: Client) -> None:
    forged = "https://veriboard.evil.example/badges/digits/resnet-20.svg"
    assert "it comes from veriboard.evil.example." in anyone.get("/search/", {"q": forged}).content.decode()
    nowhere = anyone.get("/search/", {"q": "/badges/digits/nobody.svg"}).content.decode()
    assert "No row here stands behind this badge" in nowhere


def test_changes_tell_what_came_and_what_went(stage: Stage, anyone: Client, admin: Client) -> None:
    Result.objects.update(created_at=timezone.now())
    admin.post(f"/moderation/retract/{stage.verified.pk}/", {"reason": "Trained on the test images."})
    text = anyone.get("/changes/").content.decode()
    assert "Trained on the test images." in text
    assert "ResNet-32" in text
    assert text.count("81.900") == 1
    assert anyone.get("/changes/?days=7&benchmark=digits").content.decode().count("<li><span class") == 2
    assert "<li><span class" not in anyone.get(f"/changes/?benchmark={stage.imagenet.slug}").content.decode()
    assert anyone.get("/changes/?days=1000000&benchmark=%00x").status_code == 200


def test_old_changes_are_not_last_months(stage: Stage, anyone: Client) -> None:
    assert "ResNet-20" not in anyone.get("/changes/?days=7").content.decode()


def test_badge_leads_to_the_row_that_it_shows(stage: Stage, anyone: Client) -> None:
    answer = anyone.get("/badges/digits/resnet-20/")
    assert answer["Location"] == f"/entries/{stage.verified.entry_id}/"
    page = anyone.get(answer["Location"]).content.decode()
    assert "(http://127.0.0.1:8000/badges/digits/resnet-20/)" in page
    assert anyone.get("/badges/digits/nobody/").status_code == 404
