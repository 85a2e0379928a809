"""The judge of `make chaos` sees what it is for, a seed draws one storm, and `make load` counts what is bad."""

import hashlib
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone

from bench.chaos.clients import Client
from bench.chaos.faults import CANCELLED, DISK_FULL, FAULTS, Battlefield, draw_plan
from bench.chaos.scene import BENCHMARK, Planned, Scene
from bench.chaos.storm import Storm
from bench.chaos.verdict import judge
from bench.load.session import read_command
from bench.load.writers import Tally
from evaluation.folders import find_folder
from leaderboard.models import Submission
from leaderboard.services.running import runs
from leaderboard.services.running.attempts import cancel, enqueue
from tests.factories import claim_run, make_benchmark, make_report, make_submission, make_user
from tests.processes import ROOT

EVIDENCE = b"columns"
EXPECTED = {"a.safetensors": hashlib.sha256(EVIDENCE).hexdigest()}


def test_a_seed_draws_the_same_storm_of_every_kind() -> None:
    plan = draw_plan(150, random.Random(7), has_scratch=True)
    assert plan == draw_plan(150, random.Random(7), has_scratch=True)
    assert plan != draw_plan(150, random.Random(8), has_scratch=True)
    assert Counter(plan) == dict.fromkeys([*FAULTS, CANCELLED], 10)
    assert DISK_FULL not in draw_plan(150, random.Random(7), has_scratch=False)


def test_submissions_of_the_storm_are_of_every_sort(tmp_path: Path) -> None:
    for name in ("resnet20-0", "resnet20-1", "resnet56-5"):
        (tmp_path / f"{name}.safetensors").touch()
    counts = Counter((each.weights.name.partition("-")[0], each.expected) for each in Scene(tmp_path).plan(63))
    assert counts == {
        ("nan.safetensors", "failed"): 7,
        ("resnet56", "verified"): 8,
        ("resnet20", "verified"): 47,
        ("resnet20", "stalled"): 1,
    }


@pytest.fixture
def storm(transactional_db: None, settings: LazySettings, tmp_path: Path) -> Storm:
    """Five submissions that were acknowledged and verified, with the right evidence."""
    settings.MEDIA_ROOT, settings.WORK_DIR = tmp_path / "files", tmp_path / "work"
    plan = [Planned(number, tmp_path / "a.safetensors", "cifar/resnet20", "verified") for number in range(5)]
    battlefield = Battlefield({}, None, random.Random(0))
    storm = Storm(battlefield, Client("http://127.0.0.1:1", ""), plan, [], random.Random(0))
    board, user = make_benchmark(BENCHMARK), make_user()
    (tmp_path / "evidence.npz").write_bytes(EVIDENCE)
    for planned in plan:
        submission = make_submission(board, user, model_name=planned.name, weights_url=f"https://x/{planned.number}")
        enqueue(submission, by=user, at=timezone.now())
        storm.sent[planned.number] = str(submission.pk)
    return storm


def verify(storm: Storm, *numbers: int, evidence: bytes = EVIDENCE) -> None:
    for number in numbers:
        run = claim_run(Submission.objects.get(pk=storm.sent[number]).runs.latest("attempt"))
        file = storm.plan[number].weights.with_suffix(".npz")
        file.write_bytes(evidence)
        assert run.token is not None
        runs.record_report(run.pk, run.token, make_report(sha256=f"{number:064}"), file, at=timezone.now())


def test_a_storm_that_did_no_harm_is_clean(storm: Storm) -> None:
    verify(storm, 0, 1, 2, 3)
    cancel(Submission.objects.get(pk=storm.sent[4]), by="storm", at=timezone.now())
    storm.cancelled.add(storm.sent[4])
    verdict = judge(storm, EXPECTED)
    assert verdict.is_clean, verdict
    assert verdict.states == {"verified": 4, "cancelled": 1}


def test_every_harm_is_seen(storm: Storm) -> None:
    verify(storm, 0)
    verify(storm, 1, evidence=b"other columns")
    again = Submission.objects.get(pk=storm.sent[0])
    enqueue(again, by="storm", at=timezone.now())
    verify(storm, 0)
    del storm.sent[3]
    cancel(Submission.objects.get(pk=storm.sent[4]), by="storm", at=timezone.now())
    find_folder(again.pk).mkdir(parents=True)
    verdict = judge(storm, EXPECTED)
    assert verdict.lost == ["Storm 3: not there"]
    assert verdict.doubled == ["Storm 0: 2 results", "Storm 3: a second submission"]
    assert verdict.stuck == ["Storm 2: queued"]
    assert [line.partition(":")[0] for line in verdict.wrong] == ["Storm 1", "Storm 4", "the board does not add up"]
    assert [line.partition(" ")[2] for line in verdict.left] == ["still queued", "still queued", f"folder {again.pk}"]


def test_load_counts_server_errors_and_no_answer_as_bad() -> None:
    tally = Tally()

    def refuse() -> int:
        raise ConnectionResetError

    for status in (200, 201, 429, 500, 503):
        tally.time(lambda status=status: status)  # type: ignore[misc]
    tally.time(refuse)
    assert (tally.bad, tally.statuses[0], len(tally.seconds)) == (3, 1, 6)
    assert tally.percentile(50) <= tally.percentile(99)


def test_load_is_put_on_the_command_that_the_image_runs() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    (words,) = re.findall(r'^CMD \["gunicorn", (.*?)\]', dockerfile, re.M)
    command = read_command(8000)
    told = [word.strip('"').replace("0.0.0.0", "127.0.0.1") for word in words.split(", ")]
    assert command == ["gunicorn", *told[: len(command) - 1]]
