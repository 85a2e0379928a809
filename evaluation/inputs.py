"""What an evaluation needs on this machine: the weights, the outcomes of other workers' parts, the spec."""

import errno
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models.fields.files import FieldFile

from evaluation.contract import DatasetSpec, EvaluationSpec, Progress, Protocol, WeightsSpec
from evaluation.fetch import fetch
from leaderboard.models import Part, Run, Submission
from leaderboard.services.storage import StorageAway

logger = logging.getLogger(__name__)

WAIT_SECONDS = 0.5
# A store that is away for longer costs an attempt.
STORAGE_SECONDS = 600

Watch = Callable[[Progress | None], bool]


class Abandoned(Exception):
    """The run was taken away while its files were being fetched or stored."""


def wait_for_storage(step: Callable[[], None], watch: Watch) -> None:
    """Take a step that needs the storage; while that is away, again and again, as what is held is worth the wait.

    Raises: StorageAway where it stays away, Abandoned, and whatever else the step raises.
    """
    deadline = time.monotonic() + STORAGE_SECONDS
    while True:
        try:
            return step()
        except StorageAway as away:
            logger.warning("waiting for the storage: %s", away)
            if time.monotonic() > deadline:
                raise
        if not watch(Progress(stage="fetching", message="waits for the storage")):
            raise Abandoned
        time.sleep(max(WAIT_SECONDS, settings.REST_SECONDS))


def obtain_weights(submission: Submission, target: Path, watch: Watch) -> Path:
    """Return a local path of the weights: the stored file, a copy of it, or the fetched one.

    Raises: FetchUnavailable and OSError for what may pass, InputFault for what will not, Abandoned.
    """
    if submission.weights_file:
        try:
            stored = Path(submission.weights_file.path)
        except NotImplementedError:
            pass
        else:
            if not stored.exists():
                told = "the stored weights are not on this worker's machine; mount the portal's files"
                raise FileNotFoundError(errno.ENOENT, told)
            return stored
    with take_turn(target, watch):
        # Another worker of this machine may have brought it, for another part of the same run.
        if not target.exists():
            if submission.weights_file:
                watch(Progress(stage="fetching", message="from the storage"))
                wait_for_storage(partial(copy_file, submission.weights_file, target), watch)
            else:
                fetch_weights(submission, target, watch)
    return target


@contextmanager
def take_turn(target: Path, watch: Watch) -> Iterator[None]:
    """Keep the target for one worker of this machine at a time. Raises: Abandoned."""
    with target.with_suffix(".lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not watch(None):
                    raise Abandoned from None
                time.sleep(WAIT_SECONDS)
            else:
                yield
                return


def copy_file(source: "FieldFile", target: Path) -> None:
    """Copy out of the storage, which may have no paths; in place whole."""
    partial = target.with_suffix(f".{os.getpid()}.partial")
    with source.open("rb") as stored, partial.open("wb") as copy:
        shutil.copyfileobj(stored, copy, 2**20)
    partial.rename(target)


def fetch_weights(submission: Submission, target: Path, watch: Watch) -> None:
    """Raises: FetchUnavailable, InputFault, Abandoned."""

    def tell(done: int, total: int | None) -> None:
        if not watch(Progress(stage="fetching", done=done // 1024, total=(total or 0) // 1024)):
            raise Abandoned

    watch(Progress(stage="fetching", message=f"from {submission.weights_url}"))
    fetch(
        submission.weights_url,
        target,
        sha256=submission.weights_sha256 or None,
        max_bytes=settings.MAX_WEIGHTS_BYTES,
        timeout_seconds=settings.FETCH_TIMEOUT_SECONDS,
        allow_private=settings.FETCH_ALLOW_PRIVATE,
        on_progress=tell,
    )


def collect_parts(run: Run, folder: Path, watch: Watch) -> list[Path]:
    """Return local copies of what the run's parts left. Raises: Abandoned, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for part in Part.objects.filter(run=run, is_merging=False).order_by("number"):
        if not watch(None):
            raise Abandoned
        paths.append(folder / f"part-{part.number}.npz")
        wait_for_storage(partial(copy_file, part.outcomes, paths[-1]), watch)
    return paths


def build_spec(run: Run, weights: Path, part: Part | None = None) -> EvaluationSpec:
    """Return what the engine is to do. Raises: InputFault where the declared protocol is off."""
    submission = run.submission
    split, protocol = submission.benchmark.split, submission.benchmark.protocol
    # A benchmark that fixes its preprocessing is ranked by that alone.
    preprocessing = protocol.preprocessing or submission.protocol
    choices: dict[str, Any] = {"samples": (part.start, part.stop)} if part and not part.is_merging else {}
    return EvaluationSpec(
        weights=WeightsSpec(
            path=str(weights),
            architecture=submission.architecture or None,
            # A host may send another file to each who asks: all parts are of the first one's.
            sha256=submission.weights_sha256 or run.pinned.get("sha256"),
            background=submission.background,
        ),
        dataset=DatasetSpec(path=split.path, digest=split.digest or None, labels=split.labels_path or None),
        protocol=Protocol.from_dict(preprocessing) if preprocessing else None,
        metrics=tuple(submission.benchmark.metrics.values_list("key", flat=True)),
        device=choose_device(run, part),
        forward=run.pinned.get("forward", "auto"),
        order_seed=submission.order_seed,
        chunk=settings.CHUNK_IMAGES,
        **choices,
    )


def choose_device(run: Run, part: Part | None) -> str:
    """Return the device that all parts of a run share; a run in one piece uses the best of the machine."""
    if part is None:
        return "auto"
    return "cuda" if run.queue == "gpu" else "cpu"
