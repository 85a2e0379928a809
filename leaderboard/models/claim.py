from django.db import models
from django.utils.translation import gettext_lazy as _

from leaderboard.models.addresses import WebAddressField
from leaderboard.models.entry import Entry
from leaderboard.models.metric import Metric


class Claim(models.Model):
    """A score that somebody states, with its source. A database trigger keeps it inside its metric's range."""

    entry = models.ForeignKey(Entry, models.CASCADE, related_name="claims")
    metric = models.ForeignKey(Metric, models.PROTECT, related_name="claims")
    value = models.FloatField()
    text = models.CharField(max_length=40, blank=True, help_text=_("as stated, digit by digit"))
    source = models.CharField(max_length=200, help_text=_("who states it: a table's name, or the submission"))
    source_url = WebAddressField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # When a repair took it away; it stands on the boards of the days before, and in the ledger.
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        constraints = [
            models.UniqueConstraint(fields=["entry", "metric", "source"], name="claim_once_per_source"),
        ]

    def __str__(self) -> str:
        return f"{self.metric.label} {self.text or self.value}"
