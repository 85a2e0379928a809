"""A large evaluation in parts, taken by real workers of which two are killed: the evidence is an unsplit run's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from PIL import Image

from evaluation.folders import find_folder
from evaluation.tasks import evaluate
from leaderboard import queue
from leaderboard.models import Part, Result, Run, Submission
from leaderboard.states import SETTLED
from tests.factories import make_user
from tests.processes import WorkerProcess, is_running, wait_until
from tests.small import write_weights

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# Deep enough for a chunk to take a while, so that a kill hits between two.
ARCHITECTURE = "cifar/resnet56"
SAMPLES, CHUNK, PARTS = 192, 16, 3


@pytest.fixture
def visitor(tmp_path: Path, settings: LazySettings) -> Client:
    """A client of a portal that keeps predictions in small chunks, with a dataset of random images."""
    settings.CHUNK_IMAGES = CHUNK
    random = np.random.default_rng(3)
    for number in range(SAMPLES):
        target = tmp_path / "images" / f"class-{number % 10}" / f"{number:03}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(target)
    call_command("register_dataset", "noise", str(tmp_path / "images"), mean="0.5,0.5,0.5", std="1,1,1")
    client = Client()
    client.force_login(make_user())
    return client


def submit(visitor: Client, weights: Path) -> Submission:
    fields = {"benchmark": "noise", "model_name": "Random", "architecture": ARCHITECTURE}
    with weights.open("rb") as file:
        answer = visitor.post(reverse("submit"), fields | {"weights": file})
    assert answer.status_code == 302, answer.content.decode()
    submission = Submission.objects.latest("created_at")
    # The same secret order for all, so that every chunk holds the same images.
    Submission.objects.filter(pk=submission.pk).update(order_seed=11)
    return submission


def read_evidence(submission: Submission) -> bytes:
    with Result.objects.get(run__submission=submission).evidence.open("rb") as file:
        return bytes(file.read())


def list_children(pid: int) -> Iterator[int]:
    """Yield the processes that this one started and they did."""
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield child
        yield from list_children(child)


def is_engine(pid: int) -> bool:
    """Tell whether this is the engine itself, in its box or without one, and not what is still making the box."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"python" in words[0] and b"evaluation.engine" in words


def kill_within(worker: WorkerProcess, submission: Submission) -> Part:
    """Kill the worker once it has predicted some chunks of a part, not all; return that part."""
    found: list[Part] = []

    def is_predicting() -> bool:
        parts = Part.objects.filter(run__submission=submission, state="running", is_merging=False)
        found[:] = parts.filter(worker__endswith=f"/{worker.process.pid}")
        predictions = [find_folder(submission.pk) / f"part-{part.number}" / "predictions" for part in found]
        # Chunks may lie there from an attempt before. A bwrap whose parent dies while it waits for its user's numbers
        # waits for ever, with 300 kB and nothing of the engine.
        is_started = any(map(is_engine, list_children(worker.process.pid)))
        return is_started and any(list(folder.glob("*.npy")) for folder in predictions)

    assert wait_until(is_predicting, 120, 0.01), worker.log
    children = list(list_children(worker.process.pid))
    worker.kill()
    assert wait_until(lambda: not any(map(is_running, children)), 10), "the engine outlives its worker"
    part = Part.objects.get(pk=found[0].pk)
    assert part.state == "running", "the kill came too late"
    return part


def test_parts_of_killed_workers_end_in_the_bytes_of_an_unsplit_run(
    visitor: Client, settings: LazySettings, start_worker: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    weights = write_weights(tmp_path / "random.safetensors", ARCHITECTURE)
    whole = submit(visitor, weights)
    evaluate(Run.objects.get(submission=whole).pk)
    whole.refresh_from_db()
    assert whole.state == "verified", whole.state_reason
    expected = read_evidence(whole)

    env = {"VERIBOARD_CHUNK_IMAGES": str(CHUNK)}
    settings.PART_MULTIPLY_ADDS = 853018 * 49 * SAMPLES / PARTS
    first = start_worker("first", queues="cpu", env=env)
    cut = submit(visitor, weights)
    run = Run.objects.get(submission=cut)
    assert Part.objects.filter(run=run).count() == PARTS + 1
    # Doubled messages.
    for _ in range(2):
        queue.send(run.pk, "cpu")
    lead = kill_within(first, cut)
    start_worker("second", queues="cpu", env=env)
    third = start_worker("third", queues="cpu", env=env)
    # Only now is the lost part taken back, so that both get some of the work.
    start_worker("scheduler", queues="control", beat=True, env=env)
    lost = kill_within(third, cut)

    def is_settled() -> bool:
        cut.refresh_from_db()
        return cut.state in SETTLED

    wait_until(is_settled, 240, 0.3)
    run.refresh_from_db()
    assert cut.state == "verified", cut.state_reason + run.log
    assert read_evidence(cut) == expected
    report = Result.objects.get(run=run).report
    assert report["metrics"] == Result.objects.get(run__submission=whole).report["metrics"]
    assert (report["environment"]["parts"], "mixed" in report["environment"]) == (PARTS, False)
    assert set(Part.objects.filter(run=run).values_list("state", flat=True)) == {"finished"}
    assert Part.objects.filter(run=run, losses__gt=0).count() == len({lead.pk, lost.pk})
    for part in (lead, lost):
        assert f"part {part.number} lost by {part.worker}: The worker stopped answering." in run.log
    # Removed after the result is published.
    assert wait_until(lambda: not find_folder(cut.pk).exists(), 20)
