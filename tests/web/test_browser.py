"""What whole ways (test_walks.py) do not meet: refusals, the other language, narrow windows."""

from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect

from leaderboard.models import Benchmark, Submission
from tests.processes import ROOT
from tests.small import write_images, write_weights
from tests.web.conftest import ANALYSIS, Stage, verify

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery"
FINGER = 44
# What is pressed and is no word in a sentence, where it is lower than a finger is wide.
FIND_SMALL = """least => [...document.querySelectorAll(
    'button, .button, .segments a, .bar nav a, .foot a, select, input:not([type=hidden], [type=checkbox])')]
    .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < least)
    .map(each => each.outerHTML.slice(0, 120))"""
# How far apart the middles of two things are in height.
FIND_HEIGHTS = """both => both.map(one => one.getBoundingClientRect()).map(box => box.y + box.height / 2)
    .reduce((one, other) => Math.abs(one - other))"""
# How far boxes that would scroll sideways are wider than what is seen of them.
FIND_CUT = "all => all.map(one => one.scrollWidth - one.clientWidth)"


@pytest.fixture
def shapes(tmp_path: Path) -> Benchmark:
    """A registered board of ten classes, beside the seed."""
    write_images(tmp_path / "shapes")
    call_command("register_dataset", "shapes", str(tmp_path / "shapes"), name="Shapes", mean="0.5,0.5,0.5", std="1,1,1")
    call_command("import_leaderboard", str(ROOT / "leaderboard" / "seed" / "catalogue.json"), verbosity=0)
    return Benchmark.objects.get(slug="shapes")


def sign_up(page: Page, portal: str) -> None:
    page.goto(f"{portal}/accounts/signup/")
    for name, text in {
        "username": "lin",
        "email": "lin@veriboard.example",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }.items():
        page.fill(f"[name={name}]", text)
    page.locator("main button[type=submit]").click()
    expect(page.locator("h1")).to_contain_text("My submissions")


def fill_form(page: Page, portal: str, file: Path) -> None:
    page.goto(f"{portal}/submit/?benchmark=shapes")
    page.fill("#model_name", "Random ResNet-20")
    page.fill("#architecture", "cifar/resnet20")
    page.fill("#claim_top1", "99.5")
    page.set_input_files("#weights", file)
    page.get_by_role("button", name="Submit for verification").click()


def test_refusal_stands_beside_its_field_and_keeps_what_was_typed(
    page: Page, live_portal: str, shapes: Benchmark, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pth"
    broken.write_text("no model at all")
    sign_up(page, live_portal)
    fill_form(page, live_portal, broken)
    expect(page.locator("#weights-error")).to_contain_text("is a text file, not a weights file")
    expect(page.locator("#model_name")).to_have_value("Random ResNet-20")
    expect(page.locator("#claim_top1")).to_have_value("99.5")
    assert not Submission.objects.exists()


def test_form_says_so_where_the_visit_has_ended(
    page: Page, live_portal: str, shapes: Benchmark, tmp_path: Path
) -> None:
    sign_up(page, live_portal)
    page.goto(f"{live_portal}/submit/?benchmark=shapes")
    page.fill("#model_name", "Random ResNet-20")
    page.set_input_files("#weights", write_weights(tmp_path / "net.safetensors"))
    page.context.clear_cookies()
    button = page.get_by_role("button", name="Submit for verification")
    button.click()
    expect(page.locator("[data-failed]")).to_contain_text("load the page again")
    expect(button).to_be_enabled()


def test_form_shown_again_is_not_sent_twice(page: Page, live_portal: str, shapes: Benchmark, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pth"
    broken.write_text("no model at all")
    sign_up(page, live_portal)
    fill_form(page, live_portal, broken)
    expect(page.locator("#weights-error")).to_be_visible()
    page.route("**/submit/", lambda route: None)
    page.set_input_files("#weights", write_weights(tmp_path / "net.safetensors"))
    button = page.get_by_role("button", name="Submit for verification")
    button.click()
    expect(button).to_be_disabled()


def test_chinese_reader_stays_in_chinese(page: Page, live_portal: str, shapes: Benchmark) -> None:
    page.goto(live_portal)
    page.get_by_role("button", name="中文").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.goto(f"{live_portal}/tasks/image-classification/")
    expect(page.locator("h1")).to_have_text("图像分类")


@pytest.mark.parametrize("width", [320, 390, 768, 1360])
def test_no_page_is_wider_than_its_window(page: Page, live_portal: str, shapes: Benchmark, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    sign_up(page, live_portal)
    board = Benchmark.objects.get(slug__contains="imagenet")
    model = board.entries.select_related("model")[0].model
    for path in (
        *("/", "/tasks/", "/tasks/image-classification/", "/datasets/", "/datasets/imagenet/", "/models/", "/submit/"),
        *(board.get_absolute_url(), f"{board.get_absolute_url()}findings/", model.get_absolute_url(), "/submissions/"),
        *("/compare/", f"/compare/?benchmark={board.slug}", "/account/", "/search/?q=net", "/how-we-verify/"),
    ):
        page.goto(live_portal + path)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        # Name and button stand in one line, whatever else the bar holds.
        assert page.locator(".bar .brand, .bar .button").evaluate_all(FIND_HEIGHTS) < 2, path


def test_no_row_is_cut_off_on_a_phone(page: Page, live_portal: str, shapes: Benchmark) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    entries = Benchmark.objects.get(slug__contains="imagenet").entries.select_related("model__paper")
    model, three = entries[0].model, "&".join(f"{name}={entry.pk}" for name, entry in zip("abc", entries, strict=False))
    assert model.paper
    for path in (
        "/datasets/",
        "/models/",
        model.get_absolute_url(),
        model.paper.get_absolute_url(),
        f"/compare/?{three}",
    ):
        page.goto(live_portal + path)
        expect(page.locator(".sheet").first).to_be_visible()
        assert max(page.locator(".sheet").evaluate_all(FIND_CUT)) <= 0, path


def test_long_names_stand_side_by_side_on_a_phone(
    page: Page, live_portal: str, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    classes = [{"name": "cat", "correct": 30, "total": 50, "accuracy": 60.0}]
    monkeypatch.setitem(ANALYSIS, "per_class", classes)
    for name in ("MobileNetV3-Small of the second run", "ShuffleNetV2-x0.5 of the second run"):
        verify(stage.digits, stage.owner, name, 80.0, claims={"top1": 91.73})
    three = stage.digits.entries.filter(status="mismatch").values_list("pk", flat=True)
    page.goto(f"{live_portal}/compare/?{'&'.join(f'{name}={pk}' for name, pk in zip('abc', three, strict=True))}")
    expect(page.get_by_role("region", name="Class by class")).to_be_visible()
    assert max(page.locator(".sheet").evaluate_all(FIND_CUT)) <= 0


@pytest.mark.parametrize("width", [320, 390, 760, 768, 1020])
def test_verdicts_stand_in_one_line_and_rows_within_their_sheet(
    page: Page, live_portal: str, stage: Stage, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    verify(stage.digits, stage.owner, "Digits MobileNetV3-Small", 80.1, claims={"top1": 99.9})
    for board in (stage.digits, stage.imagenet):
        page.goto(live_portal + board.get_absolute_url())
        heights = page.locator(".board .mark").evaluate_all("all => all.map(one => one.offsetHeight)")
        assert max(heights) < 1.5 * min(heights)
        assert max(page.locator(".sheet").evaluate_all(FIND_CUT)) <= 0
    # Nor is a word torn apart for want of room.
    names = page.locator(".board .model small").evaluate_all("all => all.map(one => one.offsetHeight)")
    assert max(names) < 4 * min(names)


def test_a_phone_is_not_told_what_it_does_not_show(page: Page, live_portal: str, stage: Stage) -> None:
    legend = page.locator(".legend")
    page.goto(live_portal + stage.digits.get_absolute_url())
    expect(legend).to_contain_text("Hollow: the claim.")
    expect(legend.locator("svg")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(legend.get_by_text("Hollow: the claim.")).to_be_hidden()
    expect(legend.get_by_text("Ranks belong to verified scores")).to_be_visible()
    page.goto(f"{live_portal}{stage.digits.get_absolute_url()}?q=zzz")
    expect(page.get_by_text("No entry passes these filters.")).to_be_visible()
    expect(legend).to_have_count(0)


def test_what_is_pressed_has_room_for_a_finger(browser: Browser, live_portal: str, stage: Stage) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    for path in (
        "/",
        f"{stage.digits.get_absolute_url()}#filters",
        stage.verified.get_absolute_url(),
        "/accounts/login/",
    ):
        page.goto(live_portal + path)
        assert page.evaluate(FIND_SMALL, FINGER) == [], path
    context.close()
