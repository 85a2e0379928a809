"""A small portal with everything on it: the seed, a board that takes submissions, verified and waiting submissions."""

import dataclasses
import hashlib
from dataclasses import dataclass

import pytest
from django.core.management import call_command
from django.test import Client

from evaluation.paired import pack
from leaderboard.models import Benchmark, Run, Submission, Webhook
from leaderboard.services.boards.standings import refresh_benchmark
from leaderboard.services.running import attempts, runs
from leaderboard.services.telling import webhooks
from portal.accounts.models import User
from tests.factories import NOW, claim_run, make_benchmark, make_entry, make_report, make_submission, make_user
from tests.processes import ROOT

CLASSES = ["cat", "dog"]
ANALYSIS: dict[str, object] = {
    "per_class": [{"name": name, "correct": 40, "total": 50, "accuracy": 80.0} for name in CLASSES],
    "confusion": [[40, 10], [10, 40]],
    "confused": [{"true": "cat", "predicted": "dog", "count": 10}],
    "calibration_error": 2.5,
    "mistakes": [{"sample": 3, "true": "cat", "predicted": "dog", "probability": 0.9871}],
}


@dataclass(frozen=True)
class Stage:
    """Who and what is there."""

    owner: User
    admin: User
    imagenet: Benchmark
    digits: Benchmark
    verified: Submission
    waiting: Submission
    failed: Submission


@pytest.fixture
def stage(db: None) -> Stage:
    call_command("import_leaderboard", str(ROOT / "leaderboard" / "seed" / "catalogue.json"), verbosity=0)
    owner, admin = make_user("lin"), make_user("wei", is_staff=True, is_superuser=True)
    webhooks.make("https://example.org/hook", Webhook.Event.values, by=owner, at=NOW)
    digits = make_benchmark("digits")
    make_entry(digits, "Claimed only", claims={"top1": 82.0})
    refresh_benchmark(digits)
    verified = verify(digits, owner, "ResNet-20", 81.03, claims={"top1": 91.73})
    verify(digits, owner, "ResNet-32", 81.90, claims={"top1": 81.9})
    failed = make_submission(digits, owner, model_name="Broken")
    run = claim_run(enqueue(failed, owner))
    assert run.token is not None
    runs.record_fault(run.pk, run.token, "The file is cut short; upload it again.", at=NOW)
    waiting = make_submission(digits, owner, model_name="Waiting")
    enqueue(waiting, owner)
    imagenet = Benchmark.objects.get(slug__contains="imagenet")
    for submission in (verified, failed, waiting):
        submission.refresh_from_db()
    return Stage(owner, admin, imagenet, digits, verified, waiting, failed)


def enqueue(submission: Submission, owner: User) -> Run:
    return attempts.enqueue(submission, by=owner, at=NOW)


def verify(benchmark: Benchmark, owner: User, name: str, top1: float, *, claims: dict[str, float]) -> Submission:
    """Return a submission that went all the way, with everything a worker would have stored."""
    address = f"https://example.org/{name}.pth"
    submission = make_submission(benchmark, owner, model_name=name, claims=claims, weights_url=address)
    run = claim_run(enqueue(submission, owner))
    assert run.token is not None
    digest = hashlib.sha256(name.encode()).hexdigest()
    report = dataclasses.replace(
        make_report(top1, sha256=digest),
        analysis=ANALYSIS,
        evidence={"bytes": 1000, "outcomes": {"top1": pack(sample % 100 < top1 for sample in range(10_000))}},
        weights=make_report(sha256=digest).weights | {"content_sha256": digest, "multiply_adds": 41_000_000},
        environment={
            "peak_memory_bytes": 420_000_000,
            "packages": {"torch": "2.15"},
            "device": "cpu",
            "precision": "float32",
            "box": "bwrap",
        },
        timing={
            "images_per_second": 674.1,
            "seconds": {"preparing": 1.2, "predicting": 20.0, "scoring": 0.4, "total": 21.6},
        },
    )
    runs.record_report(run.pk, run.token, report, None, at=NOW)
    return submission


@pytest.fixture
def anyone() -> Client:
    return Client()


@pytest.fixture
def owner(stage: Stage) -> Client:
    client = Client()
    client.force_login(stage.owner)
    return client


@pytest.fixture
def admin(stage: Stage) -> Client:
    client = Client()
    client.force_login(stage.admin)
    return client
