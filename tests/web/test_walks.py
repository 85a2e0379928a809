"""The whole way of each audience, in both languages, with and without script, on wide and on narrow screens.

Readers come in all eight looks. Researchers and admins, whose ways take real evaluations, come in the four that hold
every pair of choices, and share one worker: what one submits, the other moderates.
"""

import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import APIResponse, Browser, Page, expect

from leaderboard.models import Benchmark, Result, Submission
from tests.factories import make_user
from tests.processes import ROOT, WorkerProcess, wait_until
from tests.small import write_images, write_weights
from tests.web.conftest import Stage
from tests.web.walker import LOOKS, PAIRWISE, Look, Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
CLAIM = "99.5"
REASON = "Trained on the test images."
PAGE_BYTES = 100_000
# Slow enough that a page is drawn before all of it is there, whatever the machine does meanwhile.
SLOW_LINE = {"offline": False, "latency": 20, "downloadThroughput": 40_000, "uploadThroughput": 40_000}
# Of the window's height, weighed by the share of it that moves. Browsers' makers call 0.1 good. What is built to move
# does so each time; where the page is cut by chance in the middle of a line, that line moves once.
GOOD_SHIFT, NO_SHIFT, LOADS = 0.1, 0.003, 3
# Adds up how far things jumped while the page came in, and notes what, from where and to where.
WATCH_SHIFTS = """
window.shifts = [0];
const say = box => [box.x, box.y, box.width, box.height].map(Math.round).join(' ');
new PerformanceObserver(list => {
    for (const entry of list.getEntries())
        if (!entry.hadRecentInput) {
            window.shifts[0] += entry.value;
            for (const moved of entry.sources)
                window.shifts.push(`${(moved.node?.outerHTML ?? moved.node?.textContent ?? '').slice(0, 80)}:`
                    + ` ${say(moved.previousRect)} to ${say(moved.currentRect)}`);
        }
}).observe({type: 'layout-shift', buffered: true});
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Benchmark:
    """The seed, and a registered board of ten classes."""
    call_command("import_leaderboard", str(ROOT / "leaderboard" / "seed" / "catalogue.json"), verbosity=0)
    write_images(tmp_path / "shapes")
    call_command("register_dataset", "shapes", str(tmp_path / "shapes"), name="Shapes", mean="0.5,0.5,0.5", std="1,1,1")
    return Benchmark.objects.get(slug="shapes")


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_reader_finds_filters_compares_and_downloads(
    browser: Browser, live_portal: str, catalogue: Benchmark, look: Look
) -> None:
    with Walker(browser, live_portal, look) as reader:
        page, rows = reader.page, reader.page.locator("tr[id^=entry-]")
        reader.open("/")
        page.get_by_role("link", name="ImageNet validation").first.click()
        expect(rows).to_have_count(20)
        if look.is_narrow:
            reader.link("Filters").click()
        reader.field("Framework").select_option("TensorFlow")
        # With script a filter acts at once.
        if not look.has_script:
            reader.button("Filter").click()
        expect(rows).to_have_count(7)
        assert "framework=TensorFlow" in page.url
        page.locator("summary", has_text=reader.say("Download")).click()
        table = reader.download(page.get_by_role("link", name="CSV"))
        assert len(Path(table.path()).read_text().splitlines()) == 8
        page.get_by_role("navigation").get_by_role("link", name=reader.say("Compare"), exact=True).click()
        page.get_by_role("link", name="ImageNet validation").click()
        reader.field("Entry %(n)s", n=1).select_option(index=1)
        reader.field("Entry %(n)s", n=2).select_option(index=2)
        reader.button("Compare").click()
        page.wait_for_url("**/compare/?*a=*")
        reader.see("Two of them at least need a verified score on the same samples.")


def submit(walker: Walker, number: int, file: Path) -> Submission:
    """Sign up, submit by upload, watch it finish, and take the badge along."""
    page, name = walker.page, f"Net {number}"
    walker.sign_up(f"lin{number}")
    walker.link("Submit a model").first.click()
    walker.field("Model name").fill(name)
    walker.field("Architecture").fill("cifar/resnet20")
    page.get_by_label("Acc@1").fill(CLAIM)
    page.locator("#weights").set_input_files(file)
    walker.button("Submit for verification").click()
    page.wait_for_url("**/submissions/*-*/")
    walker.watch(page.get_by_role("img", name=walker.say("Badge")))
    walker.see("Environment")
    expect(page.locator("main")).to_contain_text("99.50")
    submission = Submission.objects.get(model_name=name)
    evidence = walker.download(page.get_by_role("link", name=walker.say("download")).first)
    assert evidence.suggested_filename == f"evidence-{submission.pk}.npz"
    badge = str(page.get_by_role("img", name=walker.say("Badge")).get_attribute("src"))
    answer = walker.context.request.get(walker.portal + badge)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert f"{Result.objects.get(run__submission=submission).scores.get(metric__key='top1').value:.2f}" in answer.text()
    return submission


def moderate(walker: Walker, submission: Submission) -> None:
    """Find it in the queue, have it run again, watch that, and retract it."""
    page = walker.page
    walker.sign_in("wei")
    walker.link("Moderation").first.click()
    decide(walker, submission, "Re-run")
    page.goto(walker.portal + submission.get_absolute_url())
    assert wait_until(lambda: Result.objects.filter(run__submission=submission).count() == 2, 60)
    if not walker.look.has_script:
        page.reload()
    # With script the page loads itself again, which a load of ours would cut off, or be cut off by.
    expect(page.locator("#live[hx-get]")).to_have_count(0, timeout=10_000)
    walker.watch(page.get_by_role("img", name=walker.say("Badge")))
    page.goto(f"{walker.portal}/moderation/")
    decide(walker, submission, "Retract")
    submission.refresh_from_db()
    assert (submission.state, submission.state_reason) == ("retracted", REASON)
    walker.link("Audit trail").click()
    expect(page.locator("main")).to_contain_text(REASON)
    page.goto(walker.portal + submission.get_absolute_url())
    walker.see("Retracted")
    expect(page.locator("main")).to_contain_text(REASON)


def decide(walker: Walker, submission: Submission, action: str) -> None:
    walker.link("Below their claim").click()
    walker.field("Choose %(title)s", title=submission.model_name).check()
    walker.field("Reason").fill(REASON)
    walker.button(action).click()
    expect(walker.page.get_by_role("status")).to_be_visible()


def test_researchers_submit_and_admins_moderate(
    browser: Browser, live_portal: str, catalogue: Benchmark, worker: WorkerProcess, tmp_path: Path
) -> None:
    make_user("wei", is_staff=True)
    submissions = []
    for number, look in enumerate(PAIRWISE):
        with Walker(browser, live_portal, look) as researcher:
            submissions.append(submit(researcher, number, write_weights(tmp_path / f"{number}.safetensors")))
    for submission, look in zip(submissions, reversed(PAIRWISE), strict=True):
        with Walker(browser, live_portal, look) as admin:
            moderate(admin, submission)


@pytest.fixture(params=[False, True], ids=["wide", "narrow"])
def visitor(request: pytest.FixtureRequest, browser: Browser, live_portal: str) -> Iterator[Walker]:
    with Walker(browser, live_portal, Look("en", True, request.param)) as walker:
        yield walker


def list_main(stage: Stage) -> list[str]:
    return [
        *("/", stage.imagenet.get_absolute_url(), stage.digits.get_absolute_url(), stage.verified.get_absolute_url()),
        *("/models/", f"/entries/{stage.verified.entry_id}/", "/compare/", "/accounts/login/", "/search/?q=resnet"),
    ]


def weigh(answer: APIResponse) -> int:
    """Return what the answer weighs on its way, compressed as production serves it; pictures are not counted."""
    kind = answer.headers.get("content-type", "")
    if kind.startswith("image/") or answer.status != 200:
        return 0
    return len(answer.body()) if "font" in kind else len(gzip.compress(answer.body()))


def measure_shift(page: Page, address: str) -> tuple[float, list[str]]:
    """Return how far the page jumped as it came in, and what jumped."""
    page.goto(address, wait_until="networkidle")
    shift, *moves = page.evaluate("window.shifts")
    assert shift < GOOD_SHIFT, (address, moves)
    return shift, moves


def test_nothing_jumps_and_no_page_is_heavy(stage: Stage, visitor: Walker) -> None:
    page, asked, weights = visitor.page, set[str](), dict[str, int]()
    page.add_init_script(WATCH_SHIFTS)
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", SLOW_LINE)
    page.on("request", lambda request: asked.add(request.url))
    for address in list_main(stage):
        asked.clear()
        tries = (measure_shift(page, visitor.portal + address) for _ in range(LOADS))
        seen = list(itertools.takewhile(lambda each: each[0] >= NO_SHIFT, tries))
        assert len(seen) < LOADS, seen
        weights |= {url: weigh(visitor.context.request.get(url)) for url in asked - set(weights)}
        assert 0 < sum(weights[url] for url in asked) < PAGE_BYTES, address


def press_to_the_end(page: Page, last: str) -> list[str]:
    """Return the ids and names of what Tab reaches, in order, until `last`; each shows that it has the focus."""
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "[document.activeElement.id || document.activeElement.textContent.trim()"
            " || document.activeElement.outerHTML.slice(0, 200),"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert outline != "none", f"nothing shows that {name} has the focus"
        reached.append(name)
        if name == last:
            break
    return reached


def test_form_is_filled_in_without_a_mouse(stage: Stage, visitor: Walker) -> None:
    page = visitor.page
    page.goto(f"{visitor.portal}/accounts/signup/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    reached = press_to_the_end(page, "Sign Up")
    fields = [name for name in reached if name.startswith("id_")]
    assert fields == ["id_username", "id_email", "id_password1", "id_password2"]
    assert reached[-1] == "Sign Up"


def test_board_is_walked_without_a_mouse(stage: Stage, visitor: Walker) -> None:
    page = visitor.page
    page.goto(visitor.portal + stage.digits.get_absolute_url())
    reached = press_to_the_end(page, "ResNet-20")
    models = [name for name in reached if name in {"Claimed only", "ResNet-32", "ResNet-20"}]
    assert models == ["Claimed only", "ResNet-32", "ResNet-20"]
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/resnet-20/")


def test_printed_board_is_the_table(stage: Stage, visitor: Walker) -> None:
    page = visitor.page
    page.goto(visitor.portal + stage.digits.get_absolute_url())
    page.emulate_media(media="print", color_scheme="dark")
    sheet = page.locator(".sheet").first
    assert sheet.evaluate("each => getComputedStyle(each).getPropertyValue('--sheet')") == "#ffffff"
    expect(page.get_by_role("banner")).to_be_hidden()
    expect(page.locator("tr[id^=entry-]").first).to_be_visible()
