"""The parts of the demo that can be seen without running it whole; `.ci/run` runs it whole."""

import os
import socket
import subprocess
import sys
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest

from demo.visitor import Page, encode
from demo.words import draw_leaderboard
from tests.processes import ROOT, is_running, wait_until

ROW = {
    "rank": 1,
    "rank_low": 1,
    "rank_high": 2,
    "model": {"slug": "a", "name": "Net A"},
    "status": "verified",
    "verdict": "match",
    "claims": {"top1": 95.16},
    "verified": {"top1": {"value": 95.1586, "low": 93.13, "high": 96.61}},
    "parameters": 11_181_642,
}


def test_table_shows_rank_interval_claim_and_verdict() -> None:
    below = ROW | {
        "rank": 2,
        "rank_low": 2,
        "rank_high": 2,
        "status": "mismatch",
        "verdict": "below",
        "claims": {"top1": 99.5},
    }
    lines = draw_leaderboard([ROW, below]).splitlines()
    assert " ".join(lines[2].split()) == "1 (1–2) Net A 95.16 93.13 – 96.61 95.16 match 11,181,642"
    assert "99.50" in lines[3]
    assert "mismatch: below the claim" in lines[3]


def test_table_shows_a_claim_that_nobody_verified() -> None:
    claimed = ROW | {"rank": None, "status": "claimed", "verdict": "none", "verified": {}, "parameters": None}
    assert "not verified" in draw_leaderboard([claimed])


def test_form_data_is_what_a_browser_sends(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(bytes(range(256)))
    body = encode({"model_name": "Größe"}, {"weights": file}, "mark")
    head = b"Content-Type: multipart/form-data; boundary=mark\r\n\r\n"
    name, weights = BytesParser(policy=policy.HTTP).parsebytes(head + body).iter_parts()
    assert name["Content-Disposition"].params["name"] == "model_name"
    assert name.get_payload(decode=True) == "Größe".encode()
    assert weights.get_filename() == "weights.pth"
    assert weights.get_content() == bytes(range(256))


def test_errors_of_a_form_are_read_as_plain_sentences() -> None:
    above = '<p class="error" role="alert">Nothing was submitted.</p>'
    beside = '<ul class="errorlist"><li class="error">The file is <b>cut short</b> &amp; damaged.</li></ul>'
    unseen = '<p class="error" hidden>The upload broke off.</p>'
    assert Page("", 200, above + beside + unseen).find_errors() == ["The file is cut short & damaged."]
    assert Page("", 200, above + unseen).find_errors() == ["Nothing was submitted."]


@pytest.mark.parametrize("port", ["taken", "none"])
def test_port_that_cannot_be_served_is_told_in_one_sentence(port: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = str(server.getsockname()[1]) if port == "taken" else "eighty"
        outcome = subprocess.run(
            [sys.executable, "-m", "demo"],
            cwd=ROOT,
            env=os.environ | {"PORT": text, "VERIBOARD_VAR_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert outcome.returncode == 1
    assert text in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_digits_are_split_without_overlap(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "demo.digits", str(tmp_path)], cwd=ROOT, check=True)
    parts = {part: {file.name for file in (tmp_path / part).glob("*/*.png")} for part in ("train", "test")}
    assert {part: len(files) for part, files in parts.items()} == {"train": 1198, "test": 599}
    assert parts["train"] & parts["test"] == set()
    assert sorted(folder.name for folder in (tmp_path / "test").iterdir()) == list("0123456789")


STEP = """
import signal, sys
from demo.__main__ import stop
from demo.processes import run_step
signal.signal(signal.SIGTERM, stop)
script = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); sys.stdin.read()"
run_step("-c", script, environment={})
"""


def test_ended_demo_takes_along_what_a_step_has_started() -> None:
    """As the training of a model, whose workers are processes of the step's."""
    command = [sys.executable, "-c", STEP]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as demo:
        assert demo.stdout
        started = int(demo.stdout.readline())
        assert is_running(started)
        demo.terminate()
        assert wait_until(lambda: not is_running(started), 20)
