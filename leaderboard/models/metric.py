from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Metric(models.Model):
    """What is measured: its unit, which way is better, how many decimals are shown, and the range it cannot leave."""

    class Direction(models.TextChoices):
        HIGHER = "higher", _("higher is better")
        LOWER = "lower", _("lower is better")

    key = models.SlugField(max_length=60, unique=True)
    label = models.CharField(max_length=60)
    name = models.CharField(max_length=120, blank=True)
    unit = models.CharField(max_length=30, blank=True)
    direction = models.CharField(max_length=6, choices=Direction)
    decimals = models.PositiveSmallIntegerField(default=3)
    minimum = models.FloatField(null=True, blank=True)
    maximum = models.FloatField(null=True, blank=True)

    objects: ClassVar[models.Manager["Metric"]] = models.Manager()

    class Meta:
        ordering = ["key"]
        verbose_name = _("metric")
        verbose_name_plural = _("metrics")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(direction__in=["higher", "lower"]), name="metric_direction_is_required"
            ),
            models.CheckConstraint(
                condition=models.Q(minimum__isnull=True)
                | models.Q(maximum__isnull=True)
                | models.Q(minimum__lt=models.F("maximum")),
                name="metric_range_is_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    def holds(self, value: float) -> bool:
        """Tell whether the value lies in the metric's range."""
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)

    def limit(self, value: float) -> float:
        """Return the value of the metric's range that is nearest."""
        value = value if self.minimum is None else max(value, self.minimum)
        return value if self.maximum is None else min(value, self.maximum)
