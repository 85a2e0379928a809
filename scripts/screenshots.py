"""Take the screenshots of docs/ from a portal that `make demo` serves: `python -m scripts.screenshots [ADDRESS]`."""

import io
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, StorageState, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "screenshots"
VAR_DIR = Path(os.environ.get("VERIBOARD_VAR_DIR", ROOT / "var"))
DESK, PHONE = 1360, 390
ADMIN = "admin"
BOARD, IMAGENET = "/benchmarks/digits-test/", "/benchmarks/imagenet-val-single-crop/"
# The demo's three entries come after the twenty of the seed.
COMPARE = "/compare/?a=21&b=22&c=23"


@dataclass(frozen=True)
class Shot:
    """A page as somebody sees it, signed in as `by`; `path` None is the demo's submission whose claim is inflated."""

    name: str
    path: str | None
    width: int = DESK
    is_dark: bool = False
    language: str = "en-GB"
    by: str = "demo"


def list_looks(name: str, path: str, by: str = "demo") -> tuple[Shot, ...]:
    """Return the page in each of the four looks."""
    return (
        Shot(name, path, by=by),
        Shot(f"{name}-dark", path, is_dark=True, by=by),
        Shot(f"{name}-phone", path, PHONE, by=by),
        Shot(f"{name}-chinese", path, language="zh-CN", by=by),
    )


SHOTS = (
    Shot("home", "/"),
    Shot("home-dark", "/", is_dark=True),
    Shot("home-phone", "/", PHONE),
    Shot("home-chinese", "/", language="zh-CN"),
    Shot("leaderboard-light", BOARD),
    Shot("leaderboard-dark", BOARD, is_dark=True),
    Shot("leaderboard-phone", BOARD, PHONE),
    Shot("leaderboard-chinese", BOARD, language="zh-CN"),
    Shot("claims", IMAGENET),
    Shot("claims-chinese", IMAGENET, language="zh-CN"),
    Shot("findings", f"{IMAGENET}findings/"),
    Shot("submit", "/submit/"),
    Shot("submit-phone", "/submit/", PHONE),
    Shot("submission", None),
    Shot("submission-dark", None, is_dark=True),
    Shot("submission-phone", None, PHONE),
    Shot("submission-chinese", None, language="zh-CN"),
    Shot("task", "/tasks/image-classification/"),
    Shot("dataset", "/datasets/digits-test/"),
    Shot("model", "/models/densenet-121/"),
    Shot("compare", COMPARE),
    Shot("compare-phone", COMPARE, PHONE, is_dark=True),
    Shot("changes", "/changes/"),
    *list_looks("account", "/account/"),
    Shot("webhooks", "/account/webhooks/"),
    Shot("sign-in-phone", "/accounts/login/", PHONE, by=""),
    *list_looks("moderation", "/moderation/", ADMIN),
    *list_looks("audit", "/moderation/audit/", ADMIN),
    *list_looks("workers", "/moderation/workers/", ADMIN),
    Shot("how-we-verify", "/how-we-verify/"),
)


def read_password() -> str:
    return (VAR_DIR / "demo" / "password").read_text()


def make_admin() -> None:
    """Make the demo's admin, whose password is the demo's own; one that is there stays."""
    environment = os.environ | {"DJANGO_SUPERUSER_PASSWORD": read_password(), "VERIBOARD_VAR_DIR": str(VAR_DIR)}
    command = ["manage.py", "createsuperuser", "--noinput", "--username", ADMIN, "--email", "admin@veriboard.example"]
    subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, check=False)


def sign_in(browser: Browser, base: str, name: str) -> StorageState:
    """Return the cookies of who is signed in: once a person, as the portal counts how often anybody tries."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base}/accounts/login/")
    page.fill("[name=login]", name)
    page.fill("[name=password]", read_password())
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/submissions/")
    state = context.storage_state()
    context.close()
    return state


def find_mismatch(page: Page, base: str) -> str:
    """Return the address of the submission behind the board's mismatch."""
    page.goto(f"{base}{BOARD}?status=mismatch")
    return str(page.locator("td.date a").first.get_attribute("href"))


def take(browser: Browser, base: str, shot: Shot, state: StorageState | None) -> None:
    context = browser.new_context(
        storage_state=state,
        viewport={"width": shot.width, "height": 860},
        locale=shot.language,
        color_scheme="dark" if shot.is_dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(base + (shot.path or find_mismatch(page, base)))
    page.wait_for_load_state("networkidle")
    # What is below the window comes in only when somebody scrolls there.
    page.evaluate("for (const image of document.querySelectorAll('img[loading=lazy]')) image.loading = 'eager'")
    page.wait_for_load_state("networkidle")
    # No wait for a function, which is tried again with `eval`, and that the portal's policy forbids.
    page.evaluate("Promise.allSettled([...document.images].map(image => image.decode()))")
    store(page.screenshot(full_page=True), FOLDER / f"{shot.name}.png")
    context.close()


def store(picture: bytes, path: Path) -> None:
    """Store the picture with 256 colours, a third of its size: the most frequent exactly, the others spread."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    colours = Counter(zip(*[iter(image.tobytes())] * 3, strict=True))
    spread = image.quantize(96, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour, _count in colours.most_common(160) for channel in colour] + spread[:288])
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    base = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    FOLDER.mkdir(parents=True, exist_ok=True)
    make_admin()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        people = {name: sign_in(browser, base, name) for name in {shot.by for shot in SHOTS} - {""}}
        for shot in SHOTS:
            take(browser, base, shot, people.get(shot.by))
        browser.close()


if __name__ == "__main__":
    main()
