from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from leaderboard.models.dataset import Split
from leaderboard.models.metric import Metric
from leaderboard.models.shapes import check_preprocessing
from leaderboard.models.task import Task


class Protocol(models.Model):
    """How scores of a benchmark are taken. Scores of different protocols are never ranked together."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    # {"resize", "crop", "interpolation", "mean", "std", "crop_mode"}; null: each architecture's published one.
    preprocessing = models.JSONField(null=True, blank=True, validators=[check_preprocessing])

    objects: ClassVar[models.Manager["Protocol"]] = models.Manager()

    class Meta:
        ordering = ["slug"]
        verbose_name = _("protocol")
        verbose_name_plural = _("protocols")

    def __str__(self) -> str:
        return self.name


class Benchmark(models.Model):
    """Task × dataset split × protocol × metrics; its ranked view is a leaderboard."""

    slug = models.SlugField(max_length=100, unique=True)
    task = models.ForeignKey(Task, models.PROTECT, related_name="benchmarks")
    split = models.ForeignKey(Split, models.PROTECT, related_name="benchmarks")
    protocol = models.ForeignKey(Protocol, models.PROTECT, related_name="benchmarks")
    description = models.TextField(blank=True)
    metrics: "models.ManyToManyField[Metric, BenchmarkMetric]" = models.ManyToManyField(
        Metric, through="BenchmarkMetric", related_name="benchmarks"
    )
    tolerance = models.FloatField(
        default=0.1,
        validators=[MinValueValidator(0)],
        help_text=_("How far a verified score may lie from its claim and still match, in the metric's unit."),
    )
    highlight_count = models.PositiveSmallIntegerField(default=5, help_text=_("How many best scores stand in bold."))
    is_open = models.BooleanField(default=True, help_text=_("Takes submissions."))
    position = models.PositiveIntegerField(default=0)

    # modeltranslation puts managers of its own in place of these, which types cannot see.
    objects: ClassVar[models.Manager["Benchmark"]] = models.Manager()
    _default_manager: ClassVar[models.Manager["Benchmark"]]

    class Meta:
        ordering = ["position", "slug"]
        verbose_name = _("benchmark")
        verbose_name_plural = _("benchmarks")
        constraints = [
            models.UniqueConstraint(fields=["task", "split", "protocol"], name="benchmark_key_is_unique"),
            models.CheckConstraint(condition=models.Q(tolerance__gte=0), name="tolerance_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.split} · {self.protocol}"

    def get_absolute_url(self) -> str:
        return reverse("benchmark", args=[self.slug])

    @property
    def takes_submissions(self) -> bool:
        return self.is_open and self.split.is_registered


class BenchmarkMetric(models.Model):
    """A metric of a benchmark; the one at position 0 ranks it."""

    benchmark = models.ForeignKey(Benchmark, models.CASCADE, related_name="benchmark_metrics")
    metric = models.ForeignKey(Metric, models.PROTECT, related_name="benchmark_metrics")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        verbose_name = _("metric of a benchmark")
        verbose_name_plural = _("metrics of benchmarks")
        constraints = [
            models.UniqueConstraint(fields=["benchmark", "metric"], name="metric_once_per_benchmark"),
            models.UniqueConstraint(fields=["benchmark", "position"], name="metric_position_once_per_benchmark"),
        ]

    def __str__(self) -> str:
        return f"{self.benchmark.slug}: {self.metric.label}"
