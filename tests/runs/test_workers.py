"""Submissions through the web form, evaluated by real worker processes, some of which are killed."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from safetensors.torch import save_file

from evaluation.engine.architectures import build
from leaderboard.models import Benchmark, Result, Run, Submission
from leaderboard.states import SETTLED
from tests.factories import make_user
from tests.processes import ROOT, WorkerProcess, wait_until
from tests.small import ARCHITECTURE

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
MEAN, STD = "0.485,0.456,0.406", "0.229,0.224,0.225"


@pytest.fixture
def cifar(shared_data: Path) -> Benchmark:
    archive = str(shared_data / "cifar10" / "test.tar.gz")
    call_command("register_dataset", "cifar10-test", archive, name="CIFAR-10", split="test", mean=MEAN, std=STD)
    return Benchmark.objects.get(slug="cifar10-test")


@pytest.fixture
def visitor() -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def submit(visitor: Client, benchmark: Benchmark, file: Path, **fields: str) -> Submission:
    sent = {"benchmark": benchmark.slug, "model_name": "ResNet-20", "architecture": "cifar/resnet20"} | fields
    with file.open("rb") as weights:
        answer = visitor.post(reverse("submit"), sent | {"weights": weights})
    assert answer.status_code == 302, answer.content.decode()
    return Submission.objects.get(pk=answer["Location"].rstrip("/").rpartition("/")[2])


def settle(submission: Submission, seconds: float = 120) -> str:
    def is_settled() -> bool:
        submission.refresh_from_db()
        return submission.state in SETTLED

    wait_until(is_settled, seconds, 0.3)
    return submission.state


def count_correct(submission: Submission) -> dict[str, int | None]:
    result = Result.objects.get(run__submission=submission)
    return dict(result.scores.values_list("metric__key", "correct"))


def wait_for_predictions(submission: Submission) -> Run:
    """Wait until a worker has predicted some of the images, not all."""
    found: list[Run] = []

    def is_predicting() -> bool:
        found[:] = submission.runs.filter(state="running", stage="predicting", done__gt=0)
        return bool(found)

    assert wait_until(is_predicting, 60)
    return found[0]


def check_offline(visitor: Client, submission: Submission, folder: Path) -> None:
    """Check attestation and evidence as somebody at home does, then with one byte of the evidence changed."""
    files = {
        "attestation.json": reverse("submission-attestation", args=[submission.pk]),
        "evidence.npz": reverse("submission-evidence", args=[submission.pk]),
        "key.pem": reverse("attestation-key"),
    }
    for name, address in files.items():
        (folder / name).write_bytes(visitor.get(address).getvalue())
    command = [sys.executable, "-m", "evaluation.verify", str(folder / "attestation.json")]
    command += ["--key", str(folder / "key.pem"), "--evidence", str(folder / "evidence.npz")]
    good = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    assert "gives the same scores: top1 8103, top5 9872" in good.stdout
    content = bytearray((folder / "evidence.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "evidence.npz").write_bytes(content)
    bad = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (bad.returncode, len(bad.stderr.splitlines())) == (2, 1)
    assert "it is another file" in bad.stderr


def test_cifar_through_the_form_counts_exactly(
    cifar: Benchmark, shared_data: Path, visitor: Client, worker: WorkerProcess, tmp_path: Path
) -> None:
    weights = shared_data / "cifar10" / "resnet20-12fca82f.th"
    submission = submit(visitor, cifar, weights, claim_top1="91.73")
    assert settle(submission) == "verified", submission.state_reason + worker.log
    assert count_correct(submission) == {"top1": 8103, "top5": 9872}
    (row,) = visitor.get(reverse("api:leaderboard", args=[cifar.slug])).json()["results"]
    assert (row["status"], row["verdict"], row["claims"]) == ("mismatch", "below", {"top1": 91.73})
    assert row["verified"]["top1"]["value"] == pytest.approx(81.03)
    check_offline(visitor, submission, tmp_path)
    page = visitor.get(cifar.get_absolute_url()).content.decode()
    assert "81.030" in page
    assert "\N{MINUS SIGN}10.70" in page


def test_killed_worker_loses_nothing_and_another_one_finishes(
    cifar: Benchmark, shared_data: Path, visitor: Client, start_worker: Callable[..., WorkerProcess]
) -> None:
    start_worker("scheduler", queues="control", beat=True)
    first = start_worker("first")
    submission = submit(visitor, cifar, shared_data / "cifar10" / "resnet20-12fca82f.th")
    run = wait_for_predictions(submission)
    assert run.worker.endswith(f"/{first.process.pid}")
    first.kill()
    second = start_worker("second")
    assert settle(submission) == "verified", submission.state_reason + second.log
    assert count_correct(submission) == {"top1": 8103, "top5": 9872}
    assert list(submission.runs.order_by("attempt").values_list("state", flat=True)) == ["lost", "verified"]
    assert cifar.entries.count() == 1


def test_cancelled_run_stops_the_work(
    cifar: Benchmark, shared_data: Path, visitor: Client, worker: WorkerProcess
) -> None:
    submission = submit(visitor, cifar, shared_data / "cifar10" / "resnet20-12fca82f.th")
    run = wait_for_predictions(submission)
    assert visitor.post(reverse("submission-cancel", args=[submission.pk])).status_code == 302
    assert wait_until(lambda: f"run {run.pk}: let go" in worker.log, 20), worker.log
    assert settle(submission) == "cancelled"
    assert not Result.objects.exists()


def test_file_with_nan_fails_with_its_reason(
    cifar: Benchmark, visitor: Client, worker: WorkerProcess, tmp_path: Path
) -> None:
    state = build(ARCHITECTURE).state_dict()
    state["bn1.weight"][2] = float("nan")
    save_file(state, tmp_path / "nan.safetensors")
    submission = submit(visitor, cifar, tmp_path / "nan.safetensors")
    assert settle(submission) == "failed"
    assert "bn1.weight" in submission.state_reason
    assert not Result.objects.exists()
