"""Run one evaluation as child processes: the engine, trusted, and inside its box the predictor, not trusted.

Standard library only. The engine prints its progress a line at a time; whoever holds the run is asked between the
lines whether to go on.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from evaluation import sandbox
from evaluation.contract import EXIT_DONE, EXIT_INPUT_FAULT, EvaluationReport, EvaluationSpec, Progress

POLL_SECONDS = 0.5
STOP_SECONDS = 5
LAST_WORDS = 2_000


@dataclass(frozen=True)
class Finished:
    """The evaluation came to its end."""

    report: EvaluationReport
    evidence: Path | None


@dataclass(frozen=True)
class Fault:
    """The submitted file or its arguments are at fault; `reason` is for the submitter."""

    reason: str


@dataclass(frozen=True)
class Trouble:
    """We are at fault; the evaluation may be tried again."""

    reason: str


@dataclass(frozen=True)
class Stopped:
    """Whoever held the run let it go."""


Outcome = Finished | Fault | Trouble | Stopped
# Hears each progress, or None as time passes, and answers whether to go on.
Watch = Callable[[Progress | None], bool]


@dataclass(frozen=True)
class Places:
    """Where an evaluation works. `work` is its own and survives a killed worker; `store` holds shared pixels."""

    work: Path
    store: Path

    def prepare(self) -> None:
        for folder in (self.work / "box", self.work / "predictions", self.store):
            folder.mkdir(parents=True, exist_ok=True)


def execute(
    spec: EvaluationSpec,
    places: Places,
    *,
    watch: Watch,
    timeout_seconds: float,
    allow_open: bool = False,
) -> Outcome:
    """Evaluate `spec` while `watch` says so."""
    places.prepare()
    try:
        box = sandbox.command(
            read_only=[places.work / "box", Path(spec.weights.path)],
            writable=[places.work / "predictions"],
            allow_open=allow_open,
        )
    except sandbox.SandboxUnavailable as error:
        return Trouble(str(error))
    spec_file, report_file, evidence_file = (
        places.work / name for name in ("spec.json", "report.json", "evidence.npz")
    )
    spec_file.write_text(replace(spec, box=box).to_json())
    # The report of an earlier, killed attempt must not be taken for this one's.
    report_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "evaluation.engine", "run", str(spec_file), "--output", str(report_file)]
    command += ["--work", str(places.work), "--store", str(places.store), "--evidence", str(evidence_file)]
    with (places.work / "errors.log").open("w+b") as errors:
        status = converse(command, errors, watch, time.monotonic() + timeout_seconds)
        return judge(status, read_end(errors), report_file, evidence_file, timeout_seconds)


def converse(command: list[str], errors: IO[bytes], watch: Watch, deadline: float) -> int | str:
    """Run the command, passing its progress on. Return its exit status, or "stopped" or "overdue" after ending it."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    environment |= {"PYTHONPATH": str(Path(__file__).resolve().parent.parent), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=environment,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            return follow(process, process.stdout, watch, deadline)
        finally:
            end(process)


def follow(process: subprocess.Popen[bytes], output: IO[bytes], watch: Watch, deadline: float) -> int | str:
    os.set_blocking(output.fileno(), False)
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while True:
            ready = selector.select(POLL_SECONDS)
            data = output.read() if ready else None
            if data == b"":
                return process.wait()
            *lines, rest = (rest + (data or b"")).split(b"\n")
            progress = [p for line in lines if (p := Progress.from_json(line.decode(errors="replace"))) is not None]
            if not all(watch(event) for event in progress or (None,)):
                return "stopped"
            if time.monotonic() > deadline:
                return "overdue"


def end(process: subprocess.Popen[bytes]) -> None:
    """End the engine and all it started: politely, then for good."""
    for sign, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, None)):
        if process.poll() is not None and sign is signal.SIGTERM:
            continue
        try:
            os.killpg(process.pid, sign)
            process.wait(patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def read_end(errors: IO[bytes]) -> str:
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - LAST_WORDS))
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def judge(status: int | str, last_words: str, report: Path, evidence: Path, timeout_seconds: float) -> Outcome:
    if status == "stopped":
        return Stopped()
    if status == "overdue":
        return Fault(f"The evaluation took longer than {timeout_seconds / 60:.0f} minutes, the most a run may take.")
    if status == EXIT_INPUT_FAULT:
        return Fault(last_words or "The file was refused without a reason; please report this.")
    if status != EXIT_DONE:
        return Trouble(last_words or f"The engine ended with status {status}.")
    try:
        return Finished(EvaluationReport.from_json(report.read_text()), evidence if evidence.exists() else None)
    except (OSError, ValueError, TypeError, KeyError) as error:
        return Trouble(f"The engine left no readable report: {error}")
