"""The whole way of a researcher, a reader and an admin in a real browser, with real workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect

from leaderboard.models import Benchmark, Submission
from tests.factories import make_user
from tests.processes import ROOT, WorkerProcess, wait_until
from tests.small import write_images, write_weights

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery"


@pytest.fixture
def shapes(tmp_path: Path) -> Benchmark:
    """A registered board of ten classes, beside the seed."""
    write_images(tmp_path / "shapes")
    call_command("register_dataset", "shapes", str(tmp_path / "shapes"), name="Shapes", mean="0.5,0.5,0.5", std="1,1,1")
    call_command("import_leaderboard", str(ROOT / "leaderboard" / "seed" / "catalogue.json"), verbosity=0)
    return Benchmark.objects.get(slug="shapes")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "resnet20.safetensors")


@pytest.fixture(params=["with script", "without script"])
def any_page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A phone's page, with JavaScript and without."""
    script = request.param == "with script"
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="en-GB", java_script_enabled=script, reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()


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


def sign_in(page: Page, portal: str, name: str) -> None:
    page.goto(f"{portal}/accounts/login/")
    page.fill("[name=login]", name)
    page.fill("[name=password]", PASSWORD)
    page.locator("main button[type=submit]").click()
    expect(page.locator("h1")).to_contain_text("My submissions")


def fill_form(page: Page, portal: str, file: Path) -> None:
    page.goto(f"{portal}/submit/?benchmark=shapes")
    page.fill("#model_name", "Random ResNet-20")
    page.fill("#architecture", "cifar/resnet20")
    page.fill("#claim_top1", "99.5")
    page.set_input_files("#weights", file)
    page.get_by_role("button", name="Submit for verification").click()


def test_researcher_submits_and_shares_the_badge(
    any_page: Page, live_portal: str, shapes: Benchmark, weights: Path, worker: WorkerProcess
) -> None:
    page = any_page
    sign_up(page, live_portal)
    fill_form(page, live_portal, weights)
    page.wait_for_url("**/submissions/*-*/")
    submission = Submission.objects.get()
    assert wait_until(lambda: Submission.objects.get().state == "verified", 60), worker.log
    page.reload()
    expect(page.locator(".verdict-card")).to_contain_text("against the claim of 99.50: below it")
    expect(page.locator("#command")).to_contain_text("--architecture cifar/resnet20")
    with page.expect_download() as download:
        page.get_by_role("link", name="download").first.click()
    assert download.value.suggested_filename == f"evidence-{submission.pk}.npz"
    page.goto(f"{live_portal}/badges/shapes/random-resnet-20.svg")
    assert "verified" in page.content()


def test_page_follows_a_run_by_itself(
    page: Page, live_portal: str, shapes: Benchmark, weights: Path, worker: WorkerProcess
) -> None:
    sign_up(page, live_portal)
    fill_form(page, live_portal, weights)
    page.wait_for_url("**/submissions/*-*/")
    expect(page.locator(".verdict-card")).to_be_visible(timeout=60_000)


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


def test_reader_filters_compares_and_downloads(any_page: Page, live_portal: str, shapes: Benchmark) -> None:
    page = any_page
    page.goto(live_portal)
    page.get_by_role("link", name="ImageNet validation").first.click()
    rows = page.locator("table.board tbody tr")
    expect(rows).to_have_count(20)
    page.get_by_role("link", name="Verified 0").click()
    expect(page.locator(".empty")).to_contain_text("No entry passes these filters.")
    page.get_by_role("link", name="Show all entries").click()
    expect(rows).to_have_count(20)
    page.select_option("[name=framework]", "TensorFlow")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_count(7)
    assert "framework=TensorFlow" in page.url
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 8
    page.get_by_role("link", name="See the evidence").click()
    expect(page.locator("article.finding")).to_have_count(6)


def test_chinese_reader_stays_in_chinese(page: Page, live_portal: str, shapes: Benchmark) -> None:
    page.goto(live_portal)
    page.get_by_role("button", name="中文").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.goto(f"{live_portal}/tasks/image-classification/")
    expect(page.locator("h1")).to_have_text("图像分类")


def test_admin_retracts_and_reruns_with_a_reason(
    page: Page, live_portal: str, shapes: Benchmark, weights: Path, worker: WorkerProcess
) -> None:
    make_user("wei", is_staff=True)
    sign_in(page, live_portal, "wei")
    fill_form(page, live_portal, weights)
    expect(page.locator(".verdict-card")).to_be_visible(timeout=60_000)
    page.goto(f"{live_portal}/moderation/")
    page.get_by_role("link", name="Below their claim 1").click()
    page.get_by_label("Choose Random ResNet-20").check()
    page.get_by_label("Reason").fill("Trained on the test images.")
    page.get_by_role("button", name="Retract").click()
    expect(page.locator(".messages")).to_contain_text("noted in the audit trail")
    submission = Submission.objects.get()
    assert (submission.state, submission.state_reason) == ("retracted", "Trained on the test images.")
    page.goto(f"{live_portal}/benchmarks/shapes/")
    expect(page.locator(".mark.none")).to_contain_text("not verified")
    page.goto(f"{live_portal}{submission.get_absolute_url()}")
    expect(page.locator(".verdict-card")).to_contain_text("Trained on the test images.")


@pytest.mark.parametrize("width", [390, 768, 1360])
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
