"""What a broker or a worker can lose, on the broker and the disk of this run."""

import datetime as dt
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from celery import current_app
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.utils import timezone

from evaluation import folders, tasks
from evaluation.folders import find_folder, sweep
from evaluation.inputs import obtain_weights
from evaluation.tasks import evaluate
from leaderboard.models import Run
from leaderboard.services.running import runs
from leaderboard.services.running.attempts import cancel, enqueue
from tests.factories import claim_run, make_benchmark, make_submission, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def count_messages() -> int:
    with current_app.connection_for_read() as broker, broker.channel() as channel:
        return int(channel._size("cpu"))


@pytest.fixture
def run() -> Iterator[Run]:
    """A queued run whose message is the only one in the broker."""
    current_app.control.purge()
    user = make_user()
    yield enqueue(make_submission(make_benchmark(), user), by=user, at=timezone.now())
    current_app.control.purge()


def test_an_emptied_broker_loses_no_run(run: Run) -> None:
    assert count_messages() == 1
    current_app.control.purge()
    assert count_messages() == 0
    late = timezone.now() + dt.timedelta(seconds=runs.NUDGE_AGAIN_SECONDS + 1)
    assert runs.reconcile(at=late).nudged == 1
    assert count_messages() == 1


def test_a_message_that_comes_again_evaluates_nothing_twice(run: Run) -> None:
    held = claim_run(run)
    evaluate(run.pk)
    assert (Run.objects.get().token, Run.objects.get().attempt) == (held.token, 1)


def test_stored_weights_that_are_not_on_the_worker_s_machine_are_no_fault_of_the_file(tmp_path: Path) -> None:
    submission = make_submission(make_benchmark(), make_user(), weights_url="", weights_file="submissions/gone.weights")
    with pytest.raises(FileNotFoundError, match=r"not on this worker's machine"):
        obtain_weights(submission, tmp_path / "weights", lambda progress: True)


def test_a_worker_whose_disk_fails_rests_before_it_takes_another_run(
    run: Run, settings: LazySettings, tmp_path: Path
) -> None:
    settings.WORK_DIR, settings.REST_SECONDS = tmp_path / "file", 0.5
    settings.WORK_DIR.write_text("no folder can be made below it")
    begun = monotonic()
    evaluate(run.pk)
    assert monotonic() - begun >= 0.5
    attempts = Run.objects.order_by("attempt")
    assert [(attempt.state, attempt.losses) for attempt in attempts] == [("lost", 0), ("queued", 1)]
    assert "disk or files failed" in attempts[0].reason


def lose_connection() -> None:
    """Let the database end this session, as it does where it starts again."""
    if connection.vendor != "postgresql":
        raise OperationalError
    other = connection.copy()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (session,) = cursor.fetchone()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [session])
    other.close()


def test_how_a_run_ended_is_stored_by_a_database_that_was_away_for_a_moment(
    run: Run, settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a storm of faults a restart at that moment cost a submission the last of its attempts."""
    settings.WORK_DIR = tmp_path / "file"
    settings.WORK_DIR.write_text("no folder can be made below it")
    store, tries = tasks.store, []

    def store_later(*arguments: Any) -> None:
        tries.append(arguments)
        if len(tries) < 3:
            lose_connection()
        store(*arguments)

    monkeypatch.setattr(tasks, "store", store_later)
    monkeypatch.setattr(tasks, "PAUSES", (0.1, 0.1))
    evaluate(run.pk)
    assert len(tries) == 3
    lost = Run.objects.get(attempt=1)
    assert "disk or files failed" in lost.reason


def test_a_worker_whose_disk_is_full_takes_no_run(
    run: Run, settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a storm of faults a full disk cost a submission its three attempts."""
    settings.WORK_DIR = tmp_path
    free = shutil.disk_usage(settings.WORK_DIR).free
    monkeypatch.setattr(folders, "LEAST_ROOM", free * 2)
    settings.REST_SECONDS = 0.5
    begun = monotonic()
    evaluate(run.pk)
    assert monotonic() - begun >= 0.5
    (waiting,) = Run.objects.all()
    assert (waiting.state, waiting.losses, waiting.token) == ("queued", 0, None)
    monkeypatch.setattr(folders, "LEAST_ROOM", free // 2)
    evaluate(run.pk)
    assert Run.objects.get(pk=run.pk).state != "queued"


def test_an_address_that_does_not_answer_keeps_no_worker(run: Run, settings: LazySettings) -> None:
    settings.REST_SECONDS, settings.FETCH_ALLOW_PRIVATE = 60, True
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        run.submission.weights_url = f"http://127.0.0.1:{closed.getsockname()[1]}/weights.pth"
        run.submission.save()
        begun = monotonic()
        evaluate(run.pk)
    lost = Run.objects.get(attempt=1)
    assert (lost.state, "did not answer" in lost.reason) == ("lost", True)
    assert monotonic() - begun < 60


def test_what_ended_elsewhere_is_swept_off_the_disk(run: Run, settings: LazySettings, tmp_path: Path) -> None:
    settings.WORK_DIR = tmp_path
    folder = find_folder(run.submission_id)
    (folder / "part-1").mkdir(parents=True)
    (folder.parent / "no-submission-of-our-s").mkdir()
    assert sweep() == 0
    cancel(run.submission, by=make_user("other"), at=timezone.now())
    assert sweep() == 1
    assert [path.name for path in folder.parent.iterdir()] == ["no-submission-of-our-s"]
