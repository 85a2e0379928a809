"""How long it takes and how long one waits: told from what was measured, and not told where nothing was."""

import datetime as dt
from collections import Counter
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from leaderboard.durations import say_duration
from leaderboard.models import Benchmark, Run, Submission
from leaderboard.queries import read_progress
from leaderboard.queries.estimates import Active, Cut, Estimator, Past, Work, read_estimator
from leaderboard.services.running import attempts, parts, runs, workers
from portal.accounts.models import User
from tests.factories import NOW, claim_run, make_benchmark, make_report, make_submission, make_user

RESNET, LARGER, STRANGE = "torchvision/resnet18", "torchvision/resnet50", "own/nothing"


def work(architecture: str = RESNET, samples: int | None = 1000, benchmark: int = 1, queue: str = "cpu") -> Work:
    return Work(architecture, benchmark, samples, queue)


def later(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


def make(past: list[Past], active: list[Active] | None = None, workers: int = 1) -> Estimator:
    return Estimator(past, active or [], Counter(cpu=workers), NOW)


def waiting(seconds: float, architecture: str = RESNET) -> Active:
    return Active(work(architecture), later(-seconds), None, 0, 0)


def running(seconds: float, done: int = 0) -> Active:
    return Active(work(), later(-seconds - 1), later(-seconds), done, 1000)


PAST = [Past(work(), 20.0), Past(work(), 30.0), Past(work(), 40.0)]


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        (work(), 30.0),
        (work(samples=2000, benchmark=2), 60.0),
        (work(queue="gpu"), None),
        (work(STRANGE), None),
        (work(samples=None, benchmark=2), None),
    ],
)
def test_evaluation_takes_what_the_same_took(wanted: Work, seconds: float | None) -> None:
    assert make(PAST).estimate(wanted) == seconds


def test_larger_network_takes_longer_and_a_tiny_one_no_less_than_any_run() -> None:
    estimator = make(PAST)
    larger, tiny = estimator.estimate(work(LARGER)), estimator.estimate(work("cifar/resnet20", 10, 2))
    assert larger is not None
    assert 50 < larger < 100
    assert tiny == 20.0


def test_latest_runs_count() -> None:
    old = [Past(work(), 500.0)] * 20
    assert make([*PAST, *PAST, *old]).estimate(work()) == 30.0


@pytest.mark.parametrize(
    ("active", "workers", "seconds"),
    [
        ([], 1, 0.0),
        ([], 0, None),
        ([running(10)], 1, 20.0),
        ([running(10, done=500)], 1, 10.0),
        ([running(10)], 2, 0.0),
        ([running(10), waiting(5)], 1, 50.0),
        ([running(10), waiting(5), waiting(4)], 2, 40.0),
        ([running(10), waiting(5, STRANGE)], 1, 40.0),
    ],
)
def test_wait_is_what_lies_ahead_shared_by_the_workers(
    active: list[Active], workers: int, seconds: float | None
) -> None:
    assert make(PAST, active, workers).estimate_wait("cpu") == seconds


def cut_run(cut: Cut, done: int = 0, architecture: str = RESNET) -> Active:
    started_at = later(-10) if cut.running or cut.finished else None
    return Active(work(architecture), later(-20), started_at, done, 1000, cut)


@pytest.mark.parametrize(
    ("cut", "done", "workers", "seconds"),
    [
        # Of 30 s in six parts the first goes alone, whoever else is idle.
        (Cut(6), 0, 1, 30.0),
        (Cut(6), 0, 5, 10.0),
        (Cut(6), 0, 50, 10.0),
        (Cut(6, running=1), 83, 5, 7.5),
        (Cut(6, finished=1, running=2), 167, 2, 12.5),
        # What its own parts took tells more than other runs.
        (Cut(6, finished=3, running=2, part_seconds=8.0), 500, 2, 12.0),
        (Cut(6, finished=6), 1000, 2, 1.0),
    ],
)
def test_rest_of_a_run_in_parts_is_shared_by_the_workers(cut: Cut, done: int, workers: int, seconds: float) -> None:
    estimator = make(PAST, workers=workers)
    assert estimator.estimate_rest(cut_run(cut, done)) == pytest.approx(seconds, abs=0.05)


def test_rest_of_a_run_in_parts_that_nothing_is_known_of_is_not_told_until_one_is_finished() -> None:
    assert make(PAST).estimate_rest(cut_run(Cut(4, running=1), architecture=STRANGE)) is None
    finished = cut_run(Cut(4, finished=1, part_seconds=10.0), 250, STRANGE)
    assert make(PAST).estimate_rest(finished) == 30.0


@pytest.mark.parametrize(
    ("cut", "workers", "seconds"),
    [
        # Both workers are at its parts, each half done on average, and one more part stands in line.
        (Cut(6, finished=1, running=2), 2, 5.0),
        (Cut(6, finished=1, running=2), 4, 0.0),
        # The last parts: nothing of it stands in line any more.
        (Cut(6, finished=4, running=2), 2, 2.5),
        # It has not begun: only its first part comes before.
        (Cut(6), 1, 5.0),
    ],
)
def test_one_waits_for_the_parts_under_way_and_not_for_the_whole_run(cut: Cut, workers: int, seconds: float) -> None:
    assert make(PAST, [cut_run(cut)], workers).estimate_wait("cpu") == seconds


def test_before_sending_a_large_run_counts_as_cut() -> None:
    assert make(PAST, workers=5).spread(30.0, 6, "cpu") == 10.0
    assert make(PAST, workers=5).spread(30.0, 1, "cpu") == 30.0


def test_who_came_later_does_not_count() -> None:
    estimator = make(PAST, [running(10), waiting(60), waiting(5)])
    assert estimator.estimate_wait("cpu", later(-30)) == 50.0


def test_nothing_is_told_where_nothing_was_measured() -> None:
    assert make([], [running(10)]).estimate_wait("cpu") is None
    assert make([], []).estimate_wait("cpu") == 0.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "about 1 second"),
        (7.4, "about 7 seconds"),
        (43, "about 45 seconds"),
        (130, "about 2 minutes"),
        (3 * 3600, "about 3 hours"),
        (5 * 86400, "about 5 days"),
    ],
)
def test_time_is_said_roundly(seconds: float, text: str) -> None:
    assert say_duration(seconds) == text


@pytest.fixture
def lin(db: None) -> User:
    return make_user("lin")


@pytest.fixture
def board(db: None) -> Benchmark:
    return make_benchmark("digits")


def finish(board: Benchmark, lin: User, seconds: float) -> None:
    submission = make_submission(board, lin, model_name=f"Took {seconds}")
    run = claim_run(attempts.enqueue(submission, by=lin, at=NOW), at=NOW)
    assert run.token
    runs.record_report(run.pk, run.token, make_report(sha256=f"{seconds:064.0f}"), None, at=later(seconds))


def queue_one(board: Benchmark, lin: User, at: dt.datetime) -> Submission:
    submission = make_submission(board, lin)
    attempts.enqueue(submission, by=lin, at=at)
    return submission


def test_page_and_api_tell_when_it_begins_and_ends(board: Benchmark, lin: User) -> None:
    finish(board, lin, 60)
    first, second = (queue_one(board, lin, later(100 + number)) for number in range(2))
    workers.announce("worker-a", queues=["cpu"], box="bwrap", at=later(110))
    claim_run(Run.objects.get(submission=first), at=later(105))
    progress = read_progress(second, at=later(115))
    assert (progress.queue_position, progress.wait_seconds, progress.rest_seconds) == (1, 50.0, 110.0)
    first.refresh_from_db()
    assert read_progress(first, at=later(115)).rest_seconds == 50.0
    assert read_progress(second, at=later(115)).to_dict()["done_in_seconds"] == 110


def test_a_finished_run_in_parts_counts_with_what_all_workers_did(
    board: Benchmark, lin: User, settings: LazySettings, tmp_path: Path
) -> None:
    settings.PART_MULTIPLY_ADDS, settings.CHUNK_IMAGES = 1, 50
    submission = queue_one(board, lin, NOW)
    run = submission.runs.get()
    workers.announce("worker-a", queues=["cpu"], box="bwrap", at=later(15))
    (tmp_path / "part.npz").write_bytes(b"columns")
    for start in (10, 20):
        part = parts.claim_part(run.pk, worker="a", at=later(start))
        assert part is not None
        assert part.token is not None
        parts.record_report(part.pk, part.token, make_report(), tmp_path / "part.npz", at=later(start + 10))
        if start == 10:
            submission.refresh_from_db()
            progress = read_progress(submission, at=later(20))
            assert (progress.parts, progress.parts_finished) == (2, 1)
    merging = parts.claim_part(run.pk, worker="a", at=later(40))
    assert merging is not None
    assert merging.token is not None
    parts.record_report(merging.pk, merging.token, make_report(), None, at=later(45))
    (past,) = read_estimator(at=later(50)).past
    # 35 s passed from the first claim on, with ten between in which nobody worked.
    assert past.seconds == 20.0


def test_estimates_cost_three_queries(
    board: Benchmark, lin: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    finish(board, lin, 60)
    queue_one(board, lin, later(100))
    with django_assert_num_queries(3):
        read_estimator(at=later(110)).estimate_wait("cpu")


def test_form_says_before_sending_what_to_expect(board: Benchmark, lin: User) -> None:
    client = Client()
    client.force_login(lin)
    assert "No worker is listening just now" in client.get("/submit/").content.decode()
    finish(board, lin, 60)
    workers.announce("worker-a", queues=["cpu"], box="bwrap", at=dt.datetime.now(dt.UTC))
    text = client.get("/submit/").content.decode()
    assert "Yours would begin at once." in text
    assert "The latest ones took about 60 seconds." in text
