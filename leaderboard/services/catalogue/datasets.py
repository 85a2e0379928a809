"""Register a dataset's files, so that workers can evaluate on them."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction

from leaderboard.models import Benchmark, BenchmarkMetric, Dataset, Metric, Protocol, Result, Split, Task
from leaderboard.models.addresses import is_slug
from leaderboard.services import audit

# What a benchmark made at registration may measure: label, name in English and in Chinese. All are percentages.
MEASURES = {
    "top1": ("Acc@1", "Top-1 accuracy", "Top-1 准确率"),
    "top5": ("Acc@5", "Top-5 accuracy", "Top-5 准确率"),
    "map": ("mAP", "Mean average precision, all points", "平均精度均值（全部点）"),
    "map11": ("mAP 11-point", "Mean average precision, 11-point", "平均精度均值（11 点）"),
}

# With "-preprocessing" behind it, it names a protocol.
LONGEST_SLUG = 80
CROP_MODES_IN_CHINESE = {"squash": "不保持宽高比", "border": "加边框"}


class RegistrationRefused(ValueError):
    """The files cannot be registered. The message is one plain sentence."""


@dataclass(frozen=True)
class Registration:
    """Files as the engine found them, and what to call a dataset that is new."""

    slug: str
    path: Path
    digest: str
    samples: int
    class_names: list[str]
    labels_path: str = ""
    name: str = ""
    split: str = "test"
    licence: str = ""
    preprocessing: dict[str, Any] | None = field(default=None)
    metrics: tuple[str, ...] = ("top1", "top5")


@transaction.atomic
def register(registration: Registration, *, by: audit.Actor, at: dt.datetime) -> Benchmark:
    """Attach the files to the benchmark or dataset of that slug, made where there is none.

    Raises: RegistrationRefused where results exist that were measured on other files, or the slug is none.
    """
    benchmark = Benchmark.objects.select_related("split").filter(slug=registration.slug).first()
    split = benchmark.split if benchmark else find_split(registration)
    check_digest(split, registration)
    before = (split.digest, split.path)
    if split.digest != registration.digest:
        # Small images and their classes belong to the files that they were made from.
        split.thumbnails, split.class_counts = 0, []
    split.path, split.digest = str(registration.path), registration.digest
    split.samples, split.classes = registration.samples, len(registration.class_names)
    split.class_names, split.labels_path = registration.class_names, registration.labels_path
    split.save()
    if before != (split.digest, split.path):
        audit.record("register", split, by=by, at=at, data={"digest": split.digest, "samples": split.samples})
    benchmark = benchmark or split.benchmarks.first()
    if benchmark is None:
        return make_benchmark(registration, split)
    if not benchmark.metrics.filter(key__in=registration.metrics).exists() and not benchmark.entries.exists():
        # A table's own "score", of which nothing is known, gives way to what can be measured on these labels.
        set_metrics(benchmark, registration.metrics)
    return benchmark


def find_split(registration: Registration) -> Split:
    """Raises: RegistrationRefused."""
    if not is_slug(registration.slug) or len(registration.slug) > LONGEST_SLUG:
        raise RegistrationRefused(
            f"{registration.slug[:100]!r} is no part of an address; "
            f"give at most {LONGEST_SLUG} letters, digits and hyphens, such as flowers-102."
        )
    dataset, _ = Dataset.objects.get_or_create(
        slug=registration.slug,
        defaults={"name": registration.name or registration.slug, "licence": registration.licence},
    )
    split, _ = Split.objects.get_or_create(dataset=dataset, name=registration.split)
    return split


def check_digest(split: Split, registration: Registration) -> None:
    """Raises: RegistrationRefused."""
    if split.digest in ("", registration.digest):
        return
    if Result.objects.filter(entry__benchmark__split=split).exists():
        raise RegistrationRefused(
            f"{split} has results measured on other files ({split.digest[:19]}…); "
            "register the changed files under a new slug, or put the old ones back."
        )


def make_benchmark(registration: Registration, split: Split) -> Benchmark:
    task, _ = Task.objects.get_or_create(
        slug="image-classification",
        defaults={"name_en": "Image classification", "name_zh_hans": "图像分类"},
    )
    benchmark = Benchmark.objects.create(
        slug=registration.slug, task=task, split=split, protocol=find_protocol(registration), position=10
    )
    set_metrics(benchmark, registration.metrics)
    return benchmark


def set_metrics(benchmark: Benchmark, keys: tuple[str, ...]) -> None:
    benchmark.benchmark_metrics.all().delete()
    for position, key in enumerate(keys):
        label, name, name_zh = MEASURES[key]
        metric, _ = Metric.objects.get_or_create(
            key=key,
            defaults={
                "label": label,
                "name_en": name,
                "name_zh_hans": name_zh,
                "unit": "%",
                "direction": Metric.Direction.HIGHER,
                "minimum": 0,
                "maximum": 100,
            },
        )
        BenchmarkMetric.objects.create(benchmark=benchmark, metric=metric, position=position)


def find_protocol(registration: Registration) -> Protocol:
    """Return the protocol of the given preprocessing; without one, each architecture's published preprocessing."""
    if registration.preprocessing is None:
        protocol, _ = Protocol.objects.get_or_create(
            slug="published-preprocessing",
            defaults={"name_en": "published preprocessing", "name_zh_hans": "各架构公布的预处理"},
        )
        return protocol
    english, chinese = describe(registration.preprocessing)
    protocol, _ = Protocol.objects.update_or_create(
        slug=f"{registration.slug}-preprocessing",
        defaults={"preprocessing": registration.preprocessing, "name_en": english, "name_zh_hans": chinese},
    )
    return protocol


def describe(preprocessing: dict[str, Any]) -> tuple[str, str]:
    """Return a protocol's name in English and Chinese, such as "resize 256, crop 224"."""
    resize, crop = preprocessing.get("resize"), preprocessing.get("crop")
    english = [f"resize {resize}" if resize else "no resize", *([f"crop {crop}"] if crop else [])]
    chinese = [f"缩放 {resize}" if resize else "不缩放", *([f"裁剪 {crop}"] if crop else [])]
    if (mode := preprocessing.get("crop_mode", "center")) != "center":
        english, chinese = [*english, mode], [*chinese, CROP_MODES_IN_CHINESE[mode]]
    return ", ".join(english), "，".join(chinese)
