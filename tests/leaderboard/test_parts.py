"""Runs in parts: who gets what, what is lost and found, and what ends them. The whole way is in tests/runs."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.storage import default_storage

from evaluation.contract import EvaluationReport, Progress
from evaluation.devices import Device
from evaluation.tasks import evaluate
from leaderboard import queue
from leaderboard.models import Part, Result, Run, Submission
from leaderboard.queries.progress import read_progress
from leaderboard.queries.workers import read_workers
from leaderboard.services.running import parts, routing, runs, workers
from leaderboard.services.running.attempts import cancel, enqueue
from leaderboard.states import TransitionRefused
from tests.factories import NOW, make_benchmark, make_report, make_submission, make_user

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + dt.timedelta(seconds=60)
GPU = (Device("gpu", "a large one"),)


@pytest.fixture
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What was sent to the broker."""
    sent: list[tuple[int, str]] = []
    monkeypatch.setattr(queue, "send", lambda run_id, name: sent.append((run_id, name)))
    return sent


@pytest.fixture
def run(settings: LazySettings, nudges: list[tuple[int, str]]) -> Run:
    """A run of 100 images in four parts."""
    settings.PART_MULTIPLY_ADDS, settings.CHUNK_IMAGES = 1, 25
    user = make_user()
    return enqueue(make_submission(make_benchmark(), user, claims={"top1": 91.73}), by=user, at=NOW)


def claim(run: Run, worker: str = "a", at: dt.datetime = NOW, **options: Any) -> Part:
    part = parts.claim_part(run.pk, worker=worker, at=at, **options)
    assert part is not None
    return part


def finish(part: Part, folder: Path, report: EvaluationReport | None = None, at: dt.datetime = NOW) -> None:
    assert part.token is not None
    (folder / "part.npz").write_bytes(b"columns")
    parts.record_report(part.pk, part.token, report or make_report(), folder / "part.npz", at=at)


def list_states(run: Run) -> list[str]:
    return list(Part.objects.filter(run=run).order_by("number").values_list("state", flat=True))


def reload(run: Run) -> tuple[str, str]:
    fresh = Run.objects.select_related("submission").get(pk=run.pk)
    return fresh.state, fresh.submission.state


def test_the_first_part_is_offered_alone_and_decides_for_all(run: Run, tmp_path: Path) -> None:
    assert list_states(run) == ["queued", *["waiting"] * 4]
    lead = claim(run)
    assert (lead.start, lead.stop, reload(run)) == (0, 25, ("running", "running"))
    assert parts.claim_part(run.pk, worker="b", at=NOW) is None
    environment = {"forward": "compiled"}
    finish(lead, tmp_path, replace(make_report(sha256="b" * 64), environment=environment))
    assert list_states(run) == ["finished", "queued", "queued", "queued", "waiting"]
    assert Run.objects.get(pk=run.pk).pinned == {"sha256": "b" * 64, "forward": "compiled"}


def test_a_worker_that_lacks_the_forward_lets_the_run_start_afresh_in_one_that_all_have(
    run: Run, tmp_path: Path
) -> None:
    finish(claim(run), tmp_path, replace(make_report(), environment={"forward": "onnxruntime"}))
    lacking = claim(run, worker="b")
    assert lacking.token is not None
    parts.record_lack(lacking.pk, lacking.token, "The forward onnxruntime cannot be used here.", at=LATER)
    assert reload(run) == ("lost", "queued")
    again = Run.objects.get(submission=run.submission, state="queued")
    assert (again.losses, again.pinned) == (1, {"forward": "channels_last"})
    assert "starts afresh in a way that every worker has" in Submission.objects.get().state_reason
    # The first part still goes alone: which file the weights are is not known yet.
    lead = claim(again)
    parts.reconcile(at=NOW)
    assert list_states(again) == ["running", *["waiting"] * 4]
    finish(lead, tmp_path, replace(make_report(sha256="c" * 64), environment={"forward": "channels_last"}))
    assert Run.objects.get(pk=again.pk).pinned == {"sha256": "c" * 64, "forward": "channels_last"}
    assert list_states(again) == ["finished", "queued", "queued", "queued", "waiting"]


def test_a_run_in_parts_is_not_claimed_as_a_whole(run: Run) -> None:
    assert runs.claim_run(run.pk, worker="a", at=NOW) is None


def test_each_part_goes_to_one_worker_and_calls_the_next(
    run: Run, nudges: list[tuple[int, str]], tmp_path: Path
) -> None:
    finish(claim(run), tmp_path)
    nudges.clear()
    taken = [claim(run, worker) for worker in "bcd"]
    assert [part.number for part in taken] == [2, 3, 4]
    assert parts.claim_part(run.pk, worker="e", at=NOW) is None
    assert nudges == [(run.pk, "cpu")] * 2, "one nudge for each part that was left"


def test_merging_waits_for_the_last_part_and_publishes_once(run: Run, tmp_path: Path) -> None:
    for _ in range(4):
        assert list_states(run)[-1] == "waiting"
        finish(claim(run), tmp_path)
    files = [part.outcomes.name for part in Part.objects.filter(run=run, is_merging=False)]
    assert all(default_storage.exists(str(name)) for name in files)
    merging = claim(run, "merger")
    assert merging.is_merging
    finish(merging, tmp_path)
    assert reload(run) == ("verified", "verified")
    assert Result.objects.count() == 1
    assert set(list_states(run)) == {"finished"}
    assert not any(default_storage.exists(str(name)) for name in files), "what the parts left is not needed any more"
    with pytest.raises(TransitionRefused):
        finish(merging, tmp_path)


def test_progress_is_the_sum_and_the_log_says_who_did_what(run: Run, tmp_path: Path) -> None:
    finish(claim(run), tmp_path)
    for worker, done in (("b", 10), ("c", 5)):
        part = claim(run, worker)
        assert part.token is not None
        assert parts.renew_lease(part.pk, part.token, Progress("predicting", done, 25), "12:00:01 loading\n", at=NOW)
    fresh = Run.objects.get(pk=run.pk)
    assert (fresh.stage, fresh.done, fresh.total) == ("predicting", 40, 100)
    progress = read_progress(run.submission, at=NOW)
    assert (progress.percent, progress.parts, progress.parts_finished, progress.parts_running) == (40, 4, 1, 2)
    for line in ("part 1 taken by a", "part 1 finished by a", "part 3 taken by c", "12:00:01 part 3: loading"):
        assert line in fresh.log


def test_the_workers_page_says_who_holds_a_part(run: Run, tmp_path: Path) -> None:
    for worker in "ab":
        workers.announce(worker, queues=["cpu"], box="bwrap", at=NOW)
    finish(claim(run, "a"), tmp_path)
    claim(run, "b")
    assert {state.worker.name: state.run for state in read_workers(at=NOW)} == {"a": None, "b": run}


def test_a_lost_part_goes_back_and_its_old_worker_is_refused(run: Run, tmp_path: Path) -> None:
    old = claim(run)
    assert parts.reconcile(at=NOW) == 0
    assert parts.reconcile(at=LATER) == 1
    assert runs.reconcile(at=LATER).lost == 0
    assert (list_states(run)[0], reload(run)) == ("queued", ("running", "running"))
    assert old.token is not None
    assert not parts.renew_lease(old.pk, old.token, Progress("predicting"), "", at=LATER)
    with pytest.raises(TransitionRefused):
        finish(old, tmp_path)
    new = claim(run, "b", LATER)
    assert (new.pk, new.losses) == (old.pk, 1)
    finish(new, tmp_path, at=LATER)
    assert "part 1 lost by a: The worker stopped answering." in Run.objects.get(pk=run.pk).log


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_part_that_always_loses_its_worker_stalls_the_run(
    run: Run, number: int, settings: LazySettings, tmp_path: Path
) -> None:
    for _ in range(number - 1 if number != 2 else 1):
        finish(claim(run), tmp_path)
    at = NOW
    for _ in range(settings.MAX_ATTEMPTS):
        assert reload(run)[0] == "running" or at == NOW
        assert claim(run, at=at).number == number
        at += dt.timedelta(minutes=5)
        parts.reconcile(at=at)
    submission = Submission.objects.get(pk=run.submission_id)
    assert (submission.state, reload(run)[0]) == ("stalled", "lost")
    assert f"stopped answering. It was part {number} of" in submission.state_reason
    assert not {"queued", "running", "waiting"} & set(list_states(run))


def test_a_fault_that_one_part_finds_closes_all(run: Run, tmp_path: Path) -> None:
    finish(claim(run), tmp_path)
    first, second = claim(run, "b"), claim(run, "c")
    assert first.token is not None
    assert second.token is not None
    parts.record_fault(first.pk, first.token, "The file is truncated.", at=LATER)
    assert reload(run) == ("failed", "failed")
    assert not parts.renew_lease(second.pk, second.token, Progress("predicting"), "", at=LATER)


def test_cancelling_stops_every_part(run: Run, tmp_path: Path) -> None:
    finish(claim(run), tmp_path)
    held = [claim(run, worker) for worker in "bc"]
    cancel(Submission.objects.get(pk=run.submission_id), by=make_user("other"), at=LATER)
    for part in held:
        assert part.token is not None
        assert not parts.renew_lease(part.pk, part.token, Progress("predicting"), "", at=LATER)
    assert list_states(run) == ["finished", *["cancelled"] * 4]
    assert parts.claim_part(run.pk, worker="d", at=LATER) is None


def test_doubled_and_late_messages_do_nothing(run: Run, tmp_path: Path) -> None:
    held = claim(run)
    evaluate(run.pk)
    evaluate(4711)
    assert list_states(run) == ["running", *["waiting"] * 4]
    cancel(Submission.objects.get(pk=run.submission_id), by=make_user("other"), at=LATER)
    evaluate(run.pk)
    assert Part.objects.get(pk=held.pk).state == "cancelled"


def test_a_lost_nudge_for_a_part_is_repeated(run: Run, nudges: list[tuple[int, str]], tmp_path: Path) -> None:
    finish(claim(run), tmp_path)
    nudges.clear()
    assert runs.reconcile(at=NOW).nudged == 0
    assert runs.reconcile(at=NOW + dt.timedelta(seconds=runs.NUDGE_AGAIN_SECONDS + 1)).nudged == 1
    assert nudges == [(run.pk, "cpu")]


def announce_gpu(at: dt.datetime, queues: tuple[str, ...] = ("cpu", "gpu")) -> None:
    workers.announce("gpu-host/1", queues=queues, box="bwrap", devices=GPU, at=at)


@pytest.mark.parametrize(
    ("multiply_adds", "queues", "seconds_ago", "expected"),
    [
        (1, ("cpu", "gpu"), 5, "gpu"),
        (1e18, ("cpu", "gpu"), 5, "cpu"),
        (1, ("cpu",), 5, "cpu"),
        (1, ("cpu", "gpu"), 120, "cpu"),
    ],
    ids=["large", "small", "gpu worker that takes no such queue", "gpu worker not seen lately"],
)
def test_large_runs_go_to_living_gpu_workers(
    multiply_adds: float,
    queues: tuple[str, ...],
    seconds_ago: int,
    expected: str,
    settings: LazySettings,
    nudges: list[tuple[int, str]],
) -> None:
    settings.GPU_MULTIPLY_ADDS = multiply_adds
    announce_gpu(NOW - dt.timedelta(seconds=seconds_ago), queues)
    user = make_user()
    found = enqueue(make_submission(make_benchmark(), user), by=user, at=NOW)
    assert (found.queue, nudges) == (expected, [(found.pk, expected)])
    # A worker without a GPU leaves it alone, even where a stray message names it.
    taken = runs.claim_run(found.pk, worker="a", at=NOW)
    assert (taken is None) == (expected == "gpu")


def test_a_waiting_run_follows_the_gpu_workers_as_they_come_and_go(
    run: Run, settings: LazySettings, nudges: list[tuple[int, str]]
) -> None:
    settings.GPU_MULTIPLY_ADDS = 1
    announce_gpu(NOW)
    assert routing.reroute(at=NOW) == 1
    assert Run.objects.get(pk=run.pk).queue == "gpu"
    assert parts.claim_part(run.pk, worker="a", at=NOW) is None
    assert routing.reroute(at=NOW) == 0
    gone = NOW + dt.timedelta(minutes=5)
    assert routing.reroute(at=gone) == 1
    assert Run.objects.get(pk=run.pk).queue == "cpu"
    assert list_states(run) == ["queued", *["waiting"] * 4]
    assert nudges[-1] == (run.pk, "cpu")
    assert claim(run, at=gone).number == 1


def test_parts_left_by_the_last_gpu_worker_start_afresh_on_the_cpu(
    run: Run, settings: LazySettings, nudges: list[tuple[int, str]], tmp_path: Path
) -> None:
    settings.GPU_MULTIPLY_ADDS = 1
    announce_gpu(NOW)
    routing.reroute(at=NOW)
    finish(claim(run, "gpu", has_gpu=True), tmp_path)
    parts.reconcile(at=NOW)
    assert reload(run)[0] == "running"
    parts.reconcile(at=NOW + dt.timedelta(minutes=5))
    assert reload(run)[0] == "lost"
    again = Run.objects.get(submission=run.submission_id, state="queued")
    assert (again.queue, again.losses, list_states(again)[0]) == ("cpu", 1, "queued")
