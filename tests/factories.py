"""Small pieces of a catalogue for tests: plain functions that store what they name."""

import datetime as dt
import itertools
from typing import Any

from django.utils import timezone

from evaluation.contract import EvaluationReport, Score
from leaderboard.models import (
    Benchmark,
    BenchmarkMetric,
    Claim,
    Dataset,
    Entry,
    Metric,
    Model,
    Protocol,
    Run,
    Split,
    Submission,
    Task,
    Weights,
)
from leaderboard.services.running import runs
from portal.accounts.models import User

NUMBERS = itertools.count(1)
NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


def make_user(name: str = "lin", **fields: Any) -> User:
    return User.objects.create_user(name, email=f"{name}@example.org", password="correct horse battery", **fields)


def make_metric(key: str = "top1", label: str = "Acc@1", direction: str = "higher") -> Metric:
    metric, _ = Metric.objects.get_or_create(
        key=key, defaults={"label": label, "unit": "%", "direction": direction, "minimum": 0, "maximum": 100}
    )
    return metric


def make_benchmark(slug: str = "digits", *, path: str = "/nowhere", **fields: Any) -> Benchmark:
    """Return a benchmark of top1 and top5 whose split counts as registered."""
    task, _ = Task.objects.get_or_create(slug="image-classification", defaults={"name_en": "Image classification"})
    dataset = Dataset.objects.create(slug=slug, name=slug.title())
    split = Split.objects.create(
        dataset=dataset, name="test", samples=100, classes=10, path=path, digest="sha256:" + "0" * 64
    )
    protocol, _ = Protocol.objects.get_or_create(slug="single-crop", defaults={"name_en": "single model, single crop"})
    benchmark = Benchmark.objects.create(slug=slug, task=task, split=split, protocol=protocol, **fields)
    for position, (key, label) in enumerate({"top1": "Acc@1", "top5": "Acc@5"}.items()):
        BenchmarkMetric.objects.create(benchmark=benchmark, metric=make_metric(key, label), position=position)
    return benchmark


def make_entry(benchmark: Benchmark, name: str = "", *, claims: dict[str, float] | None = None) -> Entry:
    """Return an entry with one PyTorch weights address, and its claims stored (standings are not derived)."""
    number = next(NUMBERS)
    name = name or f"Model {number}"
    model, _ = Model.objects.get_or_create(slug=name.lower().replace(" ", "-"), defaults={"name": name})
    entry = Entry.objects.create(benchmark=benchmark, model=model, variant=f"PyTorch {number}")
    entry.weights.add(Weights.objects.create(model=model, framework="PyTorch", url=f"https://example.org/{number}.pth"))
    for key, value in (claims or {}).items():
        Claim.objects.create(entry=entry, metric=make_metric(key), value=value, text=str(value), source="a table")
    return entry


def make_submission(benchmark: Benchmark, submitter: User, **fields: Any) -> Submission:
    """Return a submission in state "submitted", by address."""
    defaults = {
        "model_name": "ResNet-20",
        "architecture": "cifar/resnet20",
        "weights_url": "https://example.org/resnet20.th",
        "weights_name": "resnet20.th",
    }
    return Submission.objects.create(benchmark=benchmark, submitter=submitter, **(defaults | fields))


def make_report(top1: float = 81.03, top5: float = 98.72, *, sha256: str = "12fca82f" + "a" * 56) -> EvaluationReport:
    def score(value: float) -> Score:
        return Score(value, max(0.0, value - 1), min(100.0, value + 1), round(value * 100), 10_000)

    return EvaluationReport(
        metrics={"top1": score(top1), "top5": score(top5)},
        weights={"sha256": sha256, "format": "state_dict", "architecture": "cifar/resnet20", "parameters": 272_474},
        dataset={"samples": 10_000, "classes": 10, "digest": "sha256:" + "0" * 64},
        protocol={
            "resize": None,
            "crop": None,
            "crop_mode": "center",
            "interpolation": "bilinear",
            "mean": [0.5] * 3,
            "std": [0.5] * 3,
        },
        environment={"python": "3.11", "device": "cpu", "precision": "float32", "box": "bwrap"},
        timing={"images_per_second": 1000.0, "seconds": {"predicting": 10.0}},
    )


def claim_run(run: Run, *, worker: str = "worker-a", at: dt.datetime | None = None) -> Run:
    """Take the run as a worker does."""
    claimed = runs.claim_run(run.pk, worker=worker, at=at or timezone.now())
    assert claimed is not None
    return claimed
