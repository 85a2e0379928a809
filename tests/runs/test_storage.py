"""Files may lie where there are no paths, as in object storage."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.conf import settings as shared_settings
from django.core.files.storage import default_storage, storages
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from evaluation import inputs
from evaluation.tasks import evaluate
from leaderboard.models import Part, Result, Run, Submission
from leaderboard.services.running.attempts import enqueue
from leaderboard.services.storage import StorageAway
from tests.factories import make_benchmark, make_submission, make_user
from tests.small import ARCHITECTURE, write_images, write_weights

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def pathless() -> Iterator[None]:
    """Keep files where `path` is not implemented, the one thing in which object storage differs for our code."""
    memory = {"BACKEND": "tests.runs.pathless.PathlessStorage"}
    with override_settings(STORAGES={**shared_settings.STORAGES, "default": memory}):
        yield


def test_weights_parts_and_evidence_need_no_path(pathless: None, settings: LazySettings, tmp_path: Path) -> None:
    settings.PART_MULTIPLY_ADDS, settings.CHUNK_IMAGES = 1, 20
    call_command("register_dataset", "shapes", str(write_images(tmp_path / "shapes")), mean="0.5,0.5,0.5", std="1,1,1")
    client = Client()
    client.force_login(make_user())
    fields = {"benchmark": "shapes", "model_name": "Random", "architecture": ARCHITECTURE}
    with write_weights(tmp_path / "random.safetensors").open("rb") as weights:
        assert client.post(reverse("submit"), fields | {"weights": weights}).status_code == 302
    submission = Submission.objects.get()
    with pytest.raises(NotImplementedError):
        default_storage.path(str(submission.weights_file))
    # Two parts, the merging, and a message too many.
    for _ in range(4):
        evaluate(Run.objects.get().pk)
    assert [part.state for part in Part.objects.all()] == ["finished"] * 3
    submission.refresh_from_db()
    assert submission.state == "verified", submission.state_reason
    evidence = client.get(reverse("submission-evidence", args=[submission.pk])).getvalue()
    assert len(evidence) == Result.objects.get().report["evidence"]["bytes"]


@pytest.mark.parametrize("what", ["submissions", "parts", "evidence"])
def test_store_that_is_away_for_a_moment_costs_no_attempt(
    what: str, pathless: None, settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PART_MULTIPLY_ADDS, settings.CHUNK_IMAGES = 1, 20
    call_command("register_dataset", "shapes", str(write_images(tmp_path / "shapes")), mean="0.5,0.5,0.5", std="1,1,1")
    fields = {"benchmark": "shapes", "model_name": "Random", "architecture": ARCHITECTURE}
    with write_weights(tmp_path / "random.safetensors").open("rb") as weights:
        client = Client()
        client.force_login(make_user())
        client.post(reverse("submit"), fields | {"weights": weights})
    storage, calls = storages["default"], list[str]()

    def fail_at_first(step: Callable[..., Any]) -> Callable[..., Any]:
        def attempt(name: str, *arguments: Any) -> Any:
            if name.startswith(what):
                calls.append(name)
                if len(calls) <= 2:
                    raise StorageAway("The file storage does not answer.")
            return step(name, *arguments)

        return attempt

    for name in ("_open", "_save"):
        monkeypatch.setattr(storage, name, fail_at_first(getattr(storage, name)))
    for _ in range(4):
        evaluate(Run.objects.get().pk)
    assert len(calls) > 2
    assert Submission.objects.get().state == "verified"
    assert (Run.objects.get().losses, [part.losses for part in Part.objects.all()]) == (0, [0, 0, 0])


def test_store_that_stays_away_costs_an_attempt_and_is_said(
    pathless: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user()
    submission = make_submission(make_benchmark(), user, weights_url="", weights_file="submissions/net.weights")
    run = enqueue(submission, by=user, at=timezone.now())

    def fail(*_arguments: object) -> None:
        raise StorageAway("The file storage does not answer.")

    monkeypatch.setattr(storages["default"], "_open", fail)
    monkeypatch.setattr(inputs, "STORAGE_SECONDS", 0)
    evaluate(run.pk)
    lost = Run.objects.get(attempt=1)
    assert (lost.state, lost.reason) == ("lost", "The file storage does not answer.")
