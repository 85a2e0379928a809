import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from leaderboard.models.entry import Entry
from leaderboard.models.metric import Metric
from leaderboard.models.run import Run
from leaderboard.models.weights import Weights


class Result(models.Model):
    """The verified scores of a finished run, with their evidence. Written by `services.running.publishing` alone.

    A database trigger refuses a result whose run is not verified.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.OneToOneField(Run, models.PROTECT, related_name="result")
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="results")
    weights = models.ForeignKey(Weights, models.PROTECT, related_name="results")
    report = models.JSONField(help_text="the engine's report, as contract.EvaluationReport")
    evidence = models.FileField(upload_to="evidence/%Y/%m/", max_length=300, blank=True)
    outcomes = models.JSONField(
        default=dict, blank=True, help_text="by metric key, which samples came out right, as evaluation.paired packs it"
    )
    evidence_sha256 = models.CharField(max_length=64, blank=True)
    attestation = models.JSONField(default=dict, blank=True, help_text="the signed statement, a DSSE envelope")
    created_at = models.DateTimeField()
    retracted_at = models.DateTimeField(null=True, blank=True)
    retraction_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("result")
        verbose_name_plural = _("results")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(retracted_at__isnull=True) | ~models.Q(retraction_reason=""),
                name="retraction_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry} at {self.created_at:%Y-%m-%d}"


class Score(models.Model):
    """One metric of a result with its 95 % interval. A database trigger keeps it inside the metric's range."""

    result = models.ForeignKey(Result, models.CASCADE, related_name="scores")
    metric = models.ForeignKey(Metric, models.PROTECT, related_name="scores")
    value = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    correct = models.PositiveIntegerField(null=True, blank=True)
    total = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = _("score")
        verbose_name_plural = _("scores")
        constraints = [
            models.UniqueConstraint(fields=["result", "metric"], name="score_once_per_result_and_metric"),
            models.CheckConstraint(
                condition=models.Q(low__lte=models.F("value")) & models.Q(value__lte=models.F("high")),
                name="score_lies_in_its_interval",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric.label} {self.value}"
