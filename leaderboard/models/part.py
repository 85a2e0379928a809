from django.db import models
from django.utils.translation import gettext_lazy as _

from leaderboard.models.run import Run
from leaderboard.states import PART_TRANSITIONS

PART_STATES = tuple(PART_TRANSITIONS)


class Part(models.Model):
    """What one worker takes at a time of a run that is cut: some of its images, or the merging of all parts.

    It has a lease and a fencing token of its own, as a run has. `start`, `stop`: positions in the run's secret order.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="parts")
    number = models.PositiveSmallIntegerField()
    is_merging = models.BooleanField(default=False)
    start = models.PositiveIntegerField()
    stop = models.PositiveIntegerField()
    state = models.CharField(max_length=12, default="waiting", choices=[(s, s) for s in PART_STATES])
    # How often it was lost by our fault.
    losses = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    outcomes = models.FileField(upload_to="parts/%Y/%m/", max_length=300, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["run", "number"]
        verbose_name = _("part")
        verbose_name_plural = _("parts")
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=PART_STATES), name="part_state_is_known"),
            models.UniqueConstraint(fields=["run", "number"], name="part_once_per_run"),
            models.UniqueConstraint(
                fields=["run"], condition=models.Q(is_merging=True), name="one_merging_part_per_run"
            ),
            models.CheckConstraint(condition=models.Q(start__lt=models.F("stop")), name="part_holds_images"),
            models.CheckConstraint(
                condition=~models.Q(state="running")
                | models.Q(token__isnull=False, lease_expires_at__isnull=False, started_at__isnull=False),
                name="running_part_holds_a_lease",
            ),
        ]
        indexes = [models.Index(fields=["state", "lease_expires_at"])]

    def __str__(self) -> str:
        return f"{self.run}, {'merging' if self.is_merging else f'part {self.number}'}"
