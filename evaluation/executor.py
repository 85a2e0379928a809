"""Run one evaluation as child processes: the engine, trusted, and inside its box the predictor, not trusted.

Standard library only. The engine prints its progress a line at a time; whoever holds the run is asked between the
lines whether to go on. An engine whose worker was killed ends too, and until it has nobody else gets its folder.
"""

import fcntl
import functools
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from evaluation import sandbox
from evaluation.contract import EXIT_DONE, EXIT_INPUT_FAULT, EXIT_LACKING, EvaluationReport, EvaluationSpec, Progress
from evaluation.spares import Spare, start_spare

POLL_SECONDS = 0.5
STOP_SECONDS = 5
LAST_WORDS = 2_000
# How long the engine of a killed worker may take to end; with SIGTERM it takes a moment.
HOLD_SECONDS = 60
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "CUDA_VISIBLE_DEVICES")


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
    """We are at fault; the evaluation may be tried again. `is_here`: it may be this worker's, and not another's."""

    reason: str
    is_here: bool = True


@dataclass(frozen=True)
class Lacking:
    """This machine cannot compute the run in the way that was pinned for it; it can be computed in another one."""

    reason: str


@dataclass(frozen=True)
class Stopped:
    """Whoever held the run let it go."""


Outcome = Finished | Fault | Trouble | Lacking | Stopped
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

    @property
    def has_begun(self) -> bool:
        return any((self.work / "box").iterdir()) or any((self.work / "predictions").iterdir())


class FolderTaken(Exception):
    """Somebody else still works in the folder."""


def execute(
    spec: EvaluationSpec,
    places: Places,
    *,
    watch: Watch,
    timeout_seconds: float,
    allow_open: bool = False,
    has_gpu: bool = False,
    spare: Spare | None = None,
) -> Outcome:
    """Evaluate `spec` while `watch` says so. `has_gpu`: the box gets this machine's GPUs, if the spec may use them.

    `spare`: is made use of where it fits, and gone afterwards in any case.
    """
    places.prepare()
    words = ["--work", str(places.work), "--store", str(places.store)]
    if spare is not None:
        # What an earlier attempt left is bound into a box of its own.
        if spare.is_waiting and spare.is_gpu == (has_gpu and spec.device != "cpu") and not places.has_begun:
            return run_engine("run", replace(spec, box=spare.box), words, places, watch, timeout_seconds, spare)
        spare.discard()
    try:
        box = sandbox.command(
            read_only=[places.work / "box", Path(spec.weights.path)],
            writable=[places.work / "predictions"],
            gpu=has_gpu and spec.device != "cpu",
            allow_open=allow_open,
        )
    except sandbox.SandboxUnavailable as error:
        return Trouble(str(error))
    return run_engine("run", replace(spec, box=box), words, places, watch, timeout_seconds)


def merge(
    spec: EvaluationSpec, parts: Sequence[Path], places: Places, *, watch: Watch, timeout_seconds: float
) -> Outcome:
    """Make one evaluation of what its parts left as their evidence. No stranger's file is run: there is no box."""
    places.prepare()
    return run_engine("merge", spec, [str(part) for part in parts], places, watch, timeout_seconds)


def run_engine(
    name: str,
    spec: EvaluationSpec,
    words: list[str],
    places: Places,
    watch: Watch,
    timeout_seconds: float,
    spare: Spare | None = None,
) -> Outcome:
    spec_file, report_file, evidence_file = (
        places.work / name for name in ("spec.json", "report.json", "evidence.npz")
    )
    words = [*words, "--give-back", "--output", str(report_file), "--evidence", str(evidence_file)]
    command = [name, str(spec_file), *words]
    try:
        with hold(places.work, watch) as lock, (places.work / "errors.log").open("w+b") as errors:
            if lock is None:
                return Stopped()
            spec_file.write_text(spec.to_json())
            # The report of an earlier, killed attempt must not be taken for this one's.
            report_file.unlink(missing_ok=True)
            with start(command, lock, errors) if spare is None else engage(spare, command, lock) as process:
                status = converse(process, watch, time.monotonic() + timeout_seconds)
            last_words = read_end(errors if spare is None else spare.errors)
            return judge(status, last_words, report_file, evidence_file, timeout_seconds)
    except FolderTaken:
        return Trouble("The engine of an earlier attempt does not end.")
    finally:
        if spare is not None:
            spare.discard()


@contextmanager
def hold(work: Path, watch: Watch) -> Iterator[int | None]:
    """Yield a lock on the folder, for the engine to inherit: it holds as long as either process lives.

    None where `watch` said to stop meanwhile. Raises: FolderTaken where the one before does not let go.
    """
    deadline = time.monotonic() + HOLD_SECONDS
    with (work / "lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise FolderTaken from None
                if not watch(None):
                    yield None
                    return
                time.sleep(POLL_SECONDS)
            else:
                yield file.fileno()
                return


# Of util-linux. The first ends the engine with its worker. The second lets the kernel, where memory runs out, end the
# engine or its box before the worker, which can then say what happened.
GUARDS = (("setpriv", "--pdeathsig", "TERM", "--"), ("choom", "--adjust", "500", "--"))


@functools.cache
def guard_words() -> tuple[str, ...]:
    """Return the words, of those that work here, to put before the engine's command."""
    return tuple(word for guard in GUARDS if works(guard) for word in guard)


def works(guard: tuple[str, ...]) -> bool:
    if shutil.which(guard[0]) is None:
        return False
    return subprocess.run([*guard, "true"], capture_output=True, check=False).returncode == 0


def start_waiting(folder: Path, *, has_gpu: bool, allow_open: bool) -> Spare | None:
    """Return an engine that waits for a run, its libraries loaded by then; None where none can be had."""
    try:
        return start_spare(folder, guard_words(), name_environment(), gpu=has_gpu, allow_open=allow_open)
    # Runs start their own engine then, which says what is the matter.
    except (sandbox.SandboxUnavailable, OSError):
        return None


def name_environment() -> dict[str, str]:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return environment | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent), "PYTHONUNBUFFERED": "1"}


@contextmanager
def start(arguments: list[str], lock: int, errors: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [*guard_words(), sys.executable, "-m", "evaluation.engine", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=name_environment(),
        start_new_session=True,
        pass_fds=(lock,),
    ) as process:
        yield process


@contextmanager
def engage(spare: Spare, arguments: list[str], lock: int) -> Iterator[subprocess.Popen[bytes]]:
    spare.order(lock, arguments)
    yield spare.process


def converse(process: subprocess.Popen[bytes], watch: Watch, deadline: float) -> int | str:
    """Pass the engine's progress on. Return its exit status, or "stopped" or "overdue" after ending it."""
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
    if status == EXIT_LACKING:
        return Lacking(last_words or "The pinned forward cannot be used here.")
    if status != EXIT_DONE:
        return Trouble(last_words or f"The engine ended with status {status}.")
    try:
        return Finished(EvaluationReport.from_json(report.read_text()), evidence if evidence.exists() else None)
    except (OSError, ValueError, TypeError, KeyError) as error:
        return Trouble(f"The engine left no readable report: {error}")
