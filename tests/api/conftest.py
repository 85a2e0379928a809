"""The seed's catalogue, a board that takes submissions, people with tokens, and weights files as they are published."""

from pathlib import Path
from typing import Any

import pytest
import torch
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from evaluation.engine.architectures import build
from leaderboard.models import Benchmark, Result, Submission
from leaderboard.services.running import attempts, runs
from portal.accounts.models import User
from tests.factories import claim_run, make_benchmark, make_report, make_submission, make_user
from tests.small import ARCHITECTURE, write_weights


@pytest.fixture
def imagenet(db: None) -> Benchmark:
    """The seed's board of twenty claims."""
    call_command("import_leaderboard", "leaderboard/seed/catalogue.json", verbosity=0)
    return Benchmark.objects.get(slug__contains="imagenet")


@pytest.fixture
def digits(db: None) -> Benchmark:
    return make_benchmark("digits")


@pytest.fixture
def lin(db: None) -> User:
    return make_user("lin")


def make_token(user: User) -> str:
    return str(AuthToken.objects.create(user)[1])


def client_of(user: User | None) -> APIClient:
    """Return a client with a token of this user, or one of nobody."""
    client = APIClient()
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Token {make_token(user)}")
    return client


@pytest.fixture
def anyone() -> APIClient:
    return client_of(None)


@pytest.fixture
def api(lin: User) -> APIClient:
    """Lin's client."""
    return client_of(lin)


@pytest.fixture
def verified(digits: Benchmark, lin: User, tmp_path: Path) -> Result:
    """A result of Lin's on the digits: 81.03 where 85 was claimed, with evidence."""
    submission = make_submission(digits, lin, claims={"top1": 85.0})
    run = claim_run(attempts.enqueue(submission, by=lin, at=timezone.now()))
    assert run.token is not None
    evidence = tmp_path / "evidence.npz"
    evidence.write_bytes(b"per-sample predictions")
    runs.record_report(run.pk, run.token, make_report(), evidence, at=timezone.now())
    return Result.objects.get()


@pytest.fixture
def queued(digits: Benchmark, lin: User) -> Submission:
    submission = make_submission(digits, lin)
    attempts.enqueue(submission, by=lin, at=timezone.now())
    return submission


@pytest.fixture
def safetensors_file(tmp_path: Path) -> SimpleUploadedFile:
    """Weights of `tests.small.ARCHITECTURE`."""
    return SimpleUploadedFile("net.safetensors", write_weights(tmp_path / "net.safetensors").read_bytes())


@pytest.fixture
def state_dict_file(tmp_path: Path) -> SimpleUploadedFile:
    path = tmp_path / "net.pth"
    torch.save({"state_dict": build(ARCHITECTURE).state_dict(), "epoch": 3}, path)
    return SimpleUploadedFile("net.pth", path.read_bytes())


def read_problem(response: Any, status: int) -> dict[str, list[str]]:
    """Return the reasons by field of a problem object with this status."""
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), response.content
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    errors: dict[str, list[str]] = problem.get("errors", {})
    return errors
