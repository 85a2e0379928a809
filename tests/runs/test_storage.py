"""Files may lie where there are no paths, as in object storage."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.conf import settings as shared_settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse

from evaluation.tasks import evaluate
from leaderboard.models import Part, Result, Run, Submission
from tests.factories import make_user
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
