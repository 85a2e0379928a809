from django.db import models
from django.utils.translation import gettext_lazy as _

from leaderboard.models.submission import Submission
from leaderboard.states import RUN_STATES

ACTIVE = ("queued", "running")


class Run(models.Model):
    """One attempt at evaluating a submission.

    It is claimed by a conditional update that sets a lease and a fresh fencing `token`; whoever lost the token
    can neither report progress nor publish. A run that is cut is held by its parts, each with a lease of its own.
    """

    submission = models.ForeignKey(Submission, models.CASCADE, related_name="runs")
    attempt = models.PositiveSmallIntegerField(default=1)
    # How many attempts directly before this one were lost by our fault.
    losses = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=12, default="queued", choices=[(s, s) for s in RUN_STATES])
    queue = models.CharField(max_length=20, default="cpu")
    token = models.UUIDField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    # What the first part decided for all: the digest of the weights, how the forward pass is computed. The latter
    # stands here from the start where an attempt before met a worker that lacks its own.
    pinned = models.JSONField(default=dict, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    stage = models.CharField(max_length=30, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    log = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    queued_at = models.DateTimeField()
    nudged_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-queued_at", "-id"]
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=RUN_STATES), name="run_state_is_known"),
            models.UniqueConstraint(
                fields=["submission"], condition=models.Q(state__in=ACTIVE), name="one_active_run_per_submission"
            ),
            models.UniqueConstraint(fields=["submission", "attempt"], name="run_attempt_once_per_submission"),
            models.CheckConstraint(
                condition=~models.Q(state="running")
                | models.Q(token__isnull=False, lease_expires_at__isnull=False, started_at__isnull=False),
                name="running_run_holds_a_lease",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=ACTIVE) | models.Q(finished_at__isnull=False),
                name="ended_run_is_dated",
            ),
        ]
        indexes = [models.Index(fields=["state", "queued_at"])]

    @property
    def is_led(self) -> bool:
        """Has the first part decided what the others need to know?"""
        return "sha256" in self.pinned

    def __str__(self) -> str:
        return f"{self.submission.short_id}/{self.attempt}"
