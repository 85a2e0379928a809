import secrets
import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from leaderboard.models.addresses import WebAddressField
from leaderboard.models.benchmark import Benchmark
from leaderboard.models.entry import Entry
from leaderboard.states import SUBMISSION_STATES


def draw_order_seed() -> int:
    """Draw the secret that decides the order in which the predictor sees the samples."""
    return secrets.randbits(62)


class Submission(models.Model):
    """A researcher's request to verify weights on a benchmark. `services.running.transitions` alone moves its state."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submitter = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="submissions"
    )
    benchmark = models.ForeignKey(Benchmark, models.PROTECT, related_name="submissions")
    entry = models.ForeignKey(Entry, models.SET_NULL, null=True, blank=True, related_name="submissions")
    model_name = models.CharField(max_length=200)
    architecture = models.CharField(max_length=120, blank=True)
    framework = models.CharField(max_length=40, default="PyTorch")
    weights_file = models.FileField(upload_to="submissions/%Y/%m/", max_length=300, blank=True)
    weights_name = models.CharField(max_length=200, blank=True)
    weights_url = WebAddressField(blank=True)
    weights_sha256 = models.CharField(max_length=64, blank=True)
    weights_size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    weights_format = models.CharField(max_length=30, blank=True)
    background = models.CharField(max_length=10, default="none")
    protocol = models.JSONField(null=True, blank=True)
    claims = models.JSONField(default=dict, blank=True)
    paper_url = WebAddressField(blank=True)
    code_url = WebAddressField(blank=True)
    state = models.CharField(max_length=12, default="submitted", choices=[(s, s) for s in SUBMISSION_STATES])
    state_reason = models.TextField(blank=True)
    request_key = models.CharField(
        max_length=100, blank=True, help_text="the sender's own, by which a repeated request is told"
    )
    order_seed = models.PositiveBigIntegerField(default=draw_order_seed, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at", "id"]
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=SUBMISSION_STATES), name="submission_state_is_known"),
            models.UniqueConstraint(
                fields=["submitter", "request_key"],
                condition=~models.Q(request_key=""),
                name="request_key_once_per_submitter",
            ),
            models.CheckConstraint(
                condition=~models.Q(weights_file="") | ~models.Q(weights_url=""), name="submission_has_weights"
            ),
        ]
        indexes = [models.Index(fields=["state", "created_at"]), models.Index(fields=["submitter", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.model_name} ({self.short_id})"

    def get_absolute_url(self) -> str:
        return reverse("submission", args=[self.pk])

    @property
    def short_id(self) -> str:
        return str(self.id)[:8]

    @property
    def claim_source(self) -> str:
        """Return what a claim of it is stored with as its source."""
        return f"submission {self.short_id}"
