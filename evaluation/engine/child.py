"""The predicting process as its parent sees it: started early, told its job, listened to, judged by its exit.

It needs seconds to load its libraries and then the network, so it is started first, and told what to load, that the
file of the pixels is there, and how many of them it holds.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from evaluation.contract import EXIT_INPUT_FAULT, EXIT_LACKING, ForwardMissing, InputFault, Progress
from evaluation.engine.job import EngineTrouble

Tell = Callable[[Progress], None]

# Signals by which a process dies of its own doing: what it ran was the file's.
CRASHES = {4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV", 31: "SIGSYS"}
# glibc gives large activations back to the system after each batch; keeping them doubles large batches' throughput.
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "268435456",
}


@dataclass(frozen=True)
class Child:
    """A predicting process that waits for its job. `errors`: where its standard error goes."""

    process: subprocess.Popen[bytes]
    errors: Path

    def wait_for_start(self) -> None:
        """Wait until it runs in its box, which holds on to its folders from then on, under whatever name."""
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def tell(self, word: object) -> None:
        assert self.process.stdin is not None
        # Where it has ended already, its exit says why.
        with suppress(BrokenPipeError):
            self.process.stdin.write(f"{word}\n".encode())
            self.process.stdin.flush()

    def hang_up(self) -> None:
        """Say nothing more: where it still needs a word, it ends."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()

    def listen(self, tell: Tell) -> None:
        """Pass on what it says until it ends.

        Raises: InputFault where the file is at fault, ForwardMissing, EngineTrouble where we are.
        """
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if progress := Progress.from_json(line.decode(errors="replace")):
                tell(progress)
        judge_exit(self.process.wait(), self.errors)


@contextmanager
def start_child(box: tuple[str, ...], family: str, work: Path) -> Iterator[Child]:
    """Start a predicting process behind the words of `box`; it is gone afterwards, whatever happened."""
    command = [*box, sys.executable, "-m", "evaluation.engine", "predict", "--family", family]
    root = str(Path(__file__).resolve().parents[2])
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "CUDA_VISIBLE_DEVICES") if name in os.environ}
    environment |= ALLOCATOR | {"PYTHONPATH": root, "HOME": str(work), "PYTHONUNBUFFERED": "1"}
    errors = work / "predict.log"
    with (
        errors.open("wb") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment
        ) as process,
    ):
        child = Child(process, errors)
        try:
            yield child
        finally:
            child.end()


def judge_exit(status: int, errors: Path) -> None:
    """Raises: InputFault where the file is at fault, ForwardMissing, EngineTrouble where we are."""
    if status == 0:
        return
    lines = errors.read_text(errors="replace").strip().splitlines()
    last = lines[-1][:500] if lines else ""
    if status == EXIT_INPUT_FAULT and last:
        raise InputFault(last)
    if status == EXIT_LACKING and last:
        raise ForwardMissing(last)
    signal = -status if status < 0 else status - 128
    if signal in CRASHES:
        raise InputFault(
            f"Evaluating the file crashed the process ({CRASHES[signal]}); these weights cannot be evaluated."
        )
    raise EngineTrouble(f"The predictor ended with status {status}: {last or 'it said nothing'}")
