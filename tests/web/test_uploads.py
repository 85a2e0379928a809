"""A large file goes through a real browser in parts, whatever happens to the connection and the page meanwhile."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect
from pytest_django import Settings

from leaderboard.models import Submission, Upload
from tests.small import write_weights
from tests.web.conftest import Stage
from tests.web.test_accessibility import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PART = 200_000


@pytest.fixture
def weights(tmp_path: Path, settings: Settings) -> Path:
    """A file of six parts."""
    settings.UPLOAD_PART_BYTES = PART
    return write_weights(tmp_path / "resnet20.safetensors")


@pytest.fixture
def context(browser: Browser) -> BrowserContext:
    return browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB", reduced_motion="reduce")


def open_form(context: BrowserContext, portal: str, stage: Stage) -> Page:
    page = context.new_page()
    sign_in(page, portal, stage.owner)
    page.goto(f"{portal}/submit/?benchmark=digits")
    return page


def submit(page: Page) -> Submission:
    page.fill("#model_name", "Sent in parts")
    page.get_by_role("button", name="Submit for verification").click()
    page.wait_for_url("**/submissions/*-*/")
    return Submission.objects.get(model_name="Sent in parts")


def check_stored(submission: Submission, weights: Path) -> None:
    with submission.weights_file.open("rb") as file:
        assert file.read() == weights.read_bytes()
    assert submission.architecture == "cifar/resnet20"
    assert not Upload.objects.exists()


def test_upload_outlives_a_lost_connection(
    stage: Stage, live_portal: str, context: BrowserContext, weights: Path
) -> None:
    page = open_form(context, live_portal, stage)
    offsets: list[int] = []

    def lose_the_third(route: Route, request: Request) -> None:
        if request.method != "PATCH":
            return route.continue_()
        offsets.append(int(request.headers["upload-offset"]))
        return route.abort() if len(offsets) == 3 else route.continue_()

    page.route("**/api/v1/uploads/**", lose_the_third)
    page.set_input_files("#weights", weights)
    expect(page.locator("[data-verdict]")).to_contain_text("This is cifar/resnet20, as a safetensors file.")
    expect(page.locator("#architecture")).to_have_value("cifar/resnet20")
    check_stored(submit(page), weights)
    assert offsets == [0, PART, 2 * PART, 2 * PART, 3 * PART, 4 * PART, 5 * PART]
    context.close()


def test_upload_goes_on_after_the_page_was_loaded_again(
    stage: Stage, live_portal: str, context: BrowserContext, weights: Path
) -> None:
    page = open_form(context, live_portal, stage)
    offsets: list[int] = []

    def lose_all_from_the_third(route: Route, request: Request) -> None:
        offset = int(request.headers.get("upload-offset", 0))
        return route.abort() if offset >= 2 * PART else route.continue_()

    page.route("**/api/v1/uploads/**", lose_all_from_the_third)
    page.set_input_files("#weights", weights)
    expect(page.locator("[data-sent]")).to_contain_text("The connection is lost")
    page.unroute("**/api/v1/uploads/**")
    page.reload()
    expect(page.locator("#upload option").nth(1)).to_contain_text("36 % are here")
    page.on("request", lambda sent: offsets.append(int(sent.headers.get("upload-offset", -1))))
    page.set_input_files("#weights", weights)
    expect(page.locator("[data-sent]")).to_contain_text("The file is here")
    assert next(offset for offset in offsets if offset >= 0) == 2 * PART
    check_stored(submit(page), weights)
    context.close()


def test_refused_form_keeps_the_upload(stage: Stage, live_portal: str, context: BrowserContext, weights: Path) -> None:
    page = open_form(context, live_portal, stage)
    page.set_input_files("#weights", weights)
    expect(page.locator("[data-sent]")).to_contain_text("The file is here")
    page.fill("#claim_top1", "918")
    page.fill("#model_name", "Sent in parts")
    page.get_by_role("button", name="Submit for verification").click()
    expect(page.locator("#claim_top1-error")).to_contain_text("918 cannot be")
    expect(page.locator("#upload option:checked")).to_contain_text("resnet20.safetensors")
    page.fill("#claim_top1", "91.8")
    check_stored(submit(page), weights)
    context.close()


def test_another_file_takes_the_place_of_the_upload(
    stage: Stage, live_portal: str, context: BrowserContext, weights: Path, tmp_path: Path
) -> None:
    page = open_form(context, live_portal, stage)
    page.set_input_files("#weights", weights)
    expect(page.locator("[data-sent]")).to_contain_text("The file is here")
    # One that is small enough to go with the form.
    page.evaluate("document.querySelector('form[data-upload]').dataset.part = 1e9")
    other = write_weights(tmp_path / "other.safetensors")
    page.set_input_files("#weights", other)
    expect(page.locator("[data-sent]")).to_be_empty()
    submission = submit(page)
    assert submission.weights_name == "other.safetensors"
    context.close()


def test_session_that_ended_before_the_upload_leads_to_where_one_signs_in(
    stage: Stage, live_portal: str, context: BrowserContext, weights: Path
) -> None:
    page = open_form(context, live_portal, stage)
    context.clear_cookies(name="sessionid")
    page.set_input_files("#weights", weights)
    page.fill("#model_name", "Sent in parts")
    page.get_by_role("button", name="Submit for verification").click()
    page.wait_for_url("**/accounts/login/**")
    expect(page.get_by_text("Your session had ended. Sign in and choose the weights again")).to_be_visible()
    context.close()
