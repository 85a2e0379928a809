"""A submission that kills its worker each time is closed with its reason after three attempts, by real processes."""

import fcntl
from collections.abc import Callable, Iterator

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.utils import timezone

from evaluation.folders import find_folder
from leaderboard.models import AuditEvent, Result, Run, Submission
from leaderboard.services.moderating import moderation
from leaderboard.services.running.attempts import enqueue
from tests.factories import make_benchmark, make_submission, make_user
from tests.processes import WorkerProcess, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WAIT_SECONDS = 120


@pytest.fixture
def poison() -> Iterator[Submission]:
    """A queued submission that keeps its worker busy until it is killed, as somebody else has its work folder."""
    user = make_user()
    file = ContentFile(b"whatever it is", name="poison.weights")
    submission = make_submission(make_benchmark(), user, weights_url="", weights_file=file)
    folder = find_folder(submission.pk)
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        enqueue(submission, by=user, at=timezone.now())
        yield submission


def kill_taker(worker: WorkerProcess, submission: Submission) -> None:
    taken = Run.objects.filter(submission=submission, state="running", worker__endswith=f"/{worker.process.pid}")
    assert wait_until(taken.exists, WAIT_SECONDS), worker.log
    worker.kill()


def test_three_killed_workers_close_the_submission_with_its_reason(
    poison: Submission, start_worker: Callable[..., WorkerProcess], settings: LazySettings
) -> None:
    scheduler = start_worker("scheduler", queues="control", beat=True)
    for number in range(settings.MAX_ATTEMPTS):
        kill_taker(start_worker(f"worker-{number}"), poison)
    assert wait_until(lambda: Submission.objects.get().state == "stalled", WAIT_SECONDS), scheduler.log
    assert list(poison.runs.order_by("attempt").values_list("state", flat=True)) == ["lost"] * 3
    poison.refresh_from_db()
    reason = "Stopped after 3 attempts, an admin looks at it. The worker stopped answering."
    assert poison.state_reason == reason
    assert AuditEvent.objects.filter(to_state="stalled", reason=reason).count() == 1
    assert not Result.objects.exists()
    # Nothing is left in the queue: not even a message that comes again gives it to a fourth worker.
    assert not Run.objects.filter(state__in=["queued", "running"]).exists()
    again = moderation.rerun(poison, by=make_user("admin"), at=timezone.now(), reason="The memory was too small.")
    assert (again.attempt, again.losses) == (4, 0)
