"""The main job from end to end: three small models are trained, submitted through the web form, verified and ranked.

Environment: PORT (8000) is where the portal is served; DEMO_EXIT=1 ends the demo after the leaderboard.
"""

import json
import os
import secrets
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.processes import ROOT, Portal, run_step
from demo.visitor import Visitor
from demo.words import DemoFailed, draw_leaderboard, end_progress, say, show_progress

BENCHMARK = "digits-test"
USER = "demo"
START_SECONDS = 60
VERIFY_SECONDS = 600
SETTLED = ("verified", "failed", "cancelled", "rejected", "stalled", "retracted")
# What the author of the last model adds to what was measured, in points.
INFLATION = 4.5
BROKEN_BYTES = 200_000


@dataclass(frozen=True)
class Candidate:
    """What one visitor submits."""

    name: str
    architecture: str
    file: Path
    top1: float
    note: str


def main() -> None:
    started = time.monotonic()
    port = read_port()
    folder = Path(os.environ.get("VERIBOARD_VAR_DIR", ROOT / "var")).resolve() / "demo"
    environment = make_environment(port)
    prepare(folder, environment)
    candidates = list_candidates(folder)
    say("Starting the web server, a worker and the scheduler …")
    portal = Portal(port, folder / "logs", environment)
    try:
        visitor = Visitor(f"http://127.0.0.1:{port}")
        wait_until_ready(visitor, portal)
        sign_in(visitor, folder)
        submissions = submit_all(visitor, candidates, make_broken(folder, candidates[0]))
        wait_until_settled(visitor, portal, submissions)
        report(visitor, submissions)
        say(f"\nDone in {time.monotonic() - started:.0f} s.")
        if os.environ.get("DEMO_EXIT") != "1":
            serve(visitor, portal, folder)
    finally:
        portal.stop()


def read_port() -> int:
    """Return the port to serve on. Raises: DemoFailed where it is taken or no number."""
    text = os.environ.get("PORT", "8000")
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise DemoFailed(f"PORT={text} is no port number; use one from 1024 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError:
            raise DemoFailed(
                f"Port {text} is taken; end what uses it, or choose another: PORT=8001 make demo"
            ) from None
    return int(text)


def make_environment(port: int) -> dict[str, str]:
    """The demo also runs where no sandbox works; `/readyz` and each run's record say so then."""
    return {"VERIBOARD_ALLOW_OPEN_BOX": "1"} | os.environ | {"VERIBOARD_BASE_URL": f"http://127.0.0.1:{port}"}


def prepare(folder: Path, environment: dict[str, str]) -> None:
    """Bring database, catalogue, digits and trained models about; what is there already stays."""
    say("Preparing the database and importing the seed catalogue …")
    run_step("manage.py", "migrate", "--verbosity", "0", environment=environment)
    run_step("manage.py", "import_leaderboard", "leaderboard/seed/catalogue.json", environment=environment)
    run_step("manage.py", "collectstatic", "--no-input", "--verbosity", "0", environment=environment)
    digits, models = folder / "digits", folder / "models"
    if not (folder / "digits.done").exists():
        say("Writing scikit-learn's handwritten digits as image files …")
        run_step("-m", "demo.digits", str(digits), environment=environment)
        (folder / "digits.done").touch()
    run_step(
        *("manage.py", "register_dataset", BENCHMARK, str(digits / "test"), "--name", "Handwritten digits"),
        *(
            "--split",
            "test",
            "--resize",
            "32",
            "--crop",
            "32",
            "--mean",
            "0.5,0.5,0.5",
            "--std",
            "0.5,0.5,0.5",
            "--licence",
            "CC BY 4.0",
            "--thumbnails",
        ),
        environment=environment,
    )
    if not (models / "trained.json").exists():
        say("Training three small models on the other digits …")
        run_step("-m", "demo.training", str(digits), str(models), environment=environment)


def list_candidates(folder: Path) -> list[Candidate]:
    trained = json.loads((folder / "models" / "trained.json").read_text())
    notes = ["", "", f"its claim is inflated by {INFLATION} points"]
    return [
        Candidate(
            name=model["name"],
            architecture=model["architecture"],
            file=folder / "models" / model["file_name"],
            top1=round(model["top1"] + (INFLATION if note else 0), 2),
            note=note,
        )
        for model, note in zip(trained, notes, strict=True)
    ]


def make_broken(folder: Path, whole: Candidate) -> Candidate:
    """Cut a file short, as an upload that broke off leaves it."""
    file = folder / "models" / f"truncated-{whole.file.name}"
    with whole.file.open("rb") as source:
        file.write_bytes(source.read(BROKEN_BYTES))
    return Candidate("Digits broken upload", whole.architecture, file, whole.top1, "its file is cut short")


def wait_until_ready(visitor: Visitor, portal: Portal) -> None:
    """Wait until database, broker, storage and a worker are there. Raises: DemoFailed."""
    end = time.monotonic() + START_SECONDS
    while visitor.answers("/readyz") != 200:
        portal.check()
        if time.monotonic() > end:
            raise DemoFailed(f"The portal was not ready after {START_SECONDS} s: {visitor.get('/readyz').text}")
        time.sleep(0.3)


def sign_in(visitor: Visitor, folder: Path) -> None:
    """Sign up at the first call, sign in at later ones. Raises: DemoFailed."""
    file = folder / "password"
    if file.exists():
        page = visitor.fill_in("/accounts/login/", {"login": USER, "password": file.read_text()})
    else:
        password = secrets.token_urlsafe(16)
        file.touch(mode=0o600)
        file.write_text(password)
        fields = {"username": USER, "email": f"{USER}@veriboard.example", "password1": password, "password2": password}
        page = visitor.fill_in("/accounts/signup/", fields)
    if "/accounts/" in page.address:
        errors = " ".join(page.find_errors()) or f"status {page.status}"
        raise DemoFailed(f"Signing in as {USER} did not work: {errors} `rm -r {folder.parent}` starts afresh.")


def submit_all(visitor: Visitor, candidates: list[Candidate], broken: Candidate) -> dict[str, str]:
    """Send every candidate through the form, once in a database's life. Return the submissions' ids by model name."""
    known = {item["model"]: item["id"] for item in list_submissions(visitor)}
    say(f"Submitting through {visitor.base}/submit/ …")
    for candidate in [*candidates, broken]:
        if candidate.name in known:
            say(f"  {candidate.name}: submitted by an earlier call")
        elif identifier := submit(visitor, candidate):
            known[candidate.name] = identifier
    return {candidate.name: known[candidate.name] for candidate in [*candidates, broken] if candidate.name in known}


def list_submissions(visitor: Visitor) -> list[dict[str, Any]]:
    page = visitor.get_json("/api/v1/submissions/?page_size=100")
    submissions: list[dict[str, Any]] = page["results"]
    return submissions


def submit(visitor: Visitor, candidate: Candidate) -> str | None:
    """Send one candidate through the form. Return its submission's id, None where the form refuses the file."""
    fields = {
        "benchmark": BENCHMARK,
        "model_name": candidate.name,
        "architecture": candidate.architecture,
        "framework": "PyTorch",
        "claim_top1": f"{candidate.top1:.2f}",
    }
    note = f" ({candidate.note})" if candidate.note else ""
    say(f"  {candidate.name}: {candidate.file.name}, claims {candidate.top1:.2f}{note}")
    page = visitor.fill_in("/submit/", fields, {"weights": candidate.file})
    if "/submissions/" in page.address:
        return page.address.rstrip("/").rpartition("/")[2]
    errors = page.find_errors()
    if not errors:
        raise DemoFailed(f"The form answered {page.status} without a reason; see {visitor.base}/submit/")
    say(f"    refused by the form: {' '.join(errors)}")
    return None


def wait_until_settled(visitor: Visitor, portal: Portal, submissions: dict[str, str]) -> None:
    """Show each submission's progress until nothing more happens. Raises: DemoFailed."""
    say("Verifying: a worker evaluates the files …")
    end = time.monotonic() + VERIFY_SECONDS
    told: dict[str, str] = {}
    while True:
        states = {name: visitor.get_json(f"/api/v1/submissions/{pk}/") for name, pk in submissions.items()}
        for name, state in states.items():
            text = describe(name, state)
            if told.get(name) != text and not (name not in told and state["state"] in SETTLED):
                show_progress(text)
            told[name] = text
        if all(state["state"] in SETTLED for state in states.values()):
            return end_progress()
        portal.check()
        if time.monotonic() > end:
            raise DemoFailed(f"Not verified after {VERIFY_SECONDS} s; the worker's log is {portal.logs / 'worker.log'}")
        time.sleep(0.5)


def describe(name: str, submission: dict[str, Any]) -> str:
    progress = submission["progress"] or {}
    parts = [f"{name}: {submission['state']}"]
    if submission["state"] == "running":
        parts.append(progress.get("stage") or "")
        if progress.get("total"):
            parts.append(f"{progress['done']} of {progress['total']}")
    return " ".join(part for part in parts if part)


def report(visitor: Visitor, submissions: dict[str, str]) -> None:
    """Print the leaderboard as the API gives it, and why a file was refused."""
    board = visitor.get_json(f"/api/v1/benchmarks/{BENCHMARK}/leaderboard/")
    say(f"\nLeaderboard of {visitor.base}/benchmarks/{BENCHMARK}/\n")
    say(draw_leaderboard(board["results"]))
    for name, pk in submissions.items():
        submission = visitor.get_json(f"/api/v1/submissions/{pk}/")
        if submission["state"] != "verified":
            say(f"\n  {name} is {submission['state']}: {submission['state_reason']}")


def serve(visitor: Visitor, portal: Portal, folder: Path) -> None:
    say(f"\nServing {visitor.base} until Ctrl-C. Sign in as {USER} with the password in {folder / 'password'}.")
    while True:
        portal.check()
        time.sleep(1)


def stop(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    try:
        main()
    except DemoFailed as failure:
        sys.exit(f"\n{failure}")
    except KeyboardInterrupt:
        say("\nStopped.")
