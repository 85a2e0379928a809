"""Images with several labels, from the seed's own PASCAL VOC benchmark to its leaderboard."""

from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from PIL import Image

from evaluation.tasks import evaluate
from leaderboard.models import Benchmark, Run, Submission
from tests.factories import make_user
from tests.processes import ROOT
from tests.small import ARCHITECTURE, CLASSES, write_weights

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def write_voc(folder: Path) -> Path:
    """Write thirty images of two labels each, and the CSV that says which."""
    random = np.random.default_rng(5)
    lines = ["image,label"]
    (folder / "images").mkdir(parents=True)
    for number in range(30):
        pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number:03}.png")
        lines.append(f"images/{number:03}.png,class-{number % CLASSES}|class-{(number + 3) % CLASSES}")
    labels = folder.parent / "labels.csv"
    labels.write_text("\n".join(lines) + "\n")
    return labels


def test_voc_goes_from_the_form_to_the_leaderboard(tmp_path: Path) -> None:
    call_command("import_leaderboard", str(ROOT / "leaderboard" / "seed" / "catalogue.json"), verbosity=0)
    labels = write_voc(tmp_path / "voc")
    slug = Benchmark.objects.get(slug__contains="pascal").slug
    call_command("register_dataset", slug, str(tmp_path / "voc"), labels=labels, mean="0.5,0.5,0.5", std="1,1,1")
    client = Client()
    client.force_login(make_user())
    fields = {"benchmark": slug, "model_name": "Random", "architecture": ARCHITECTURE, "claim_map": "88.0"}
    with write_weights(tmp_path / "random.safetensors").open("rb") as weights:
        answer = client.post(reverse("submit"), fields | {"weights": weights})
    assert answer.status_code == 302, answer.content.decode()
    evaluate(Run.objects.get().pk)
    submission = Submission.objects.get()
    assert submission.state == "verified", submission.state_reason
    (row,) = client.get(reverse("api:leaderboard", args=[slug])).json()["results"]
    assert (row["status"], row["verdict"], row["claims"]) == ("mismatch", "below", {"map": 88.0})
    score = row["verified"]["map"]
    assert 0 < score["low"] <= score["value"] <= score["high"] < 60
    assert "mAP" in client.get(reverse("benchmark", args=[slug])).content.decode()
    page = client.get(submission.get_absolute_url()).content.decode()
    assert "Average precision by class" in page
    assert page.count('class="bar-fill"') == CLASSES
