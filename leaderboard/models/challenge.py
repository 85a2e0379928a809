from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from leaderboard.models.addresses import WebAddressField
from leaderboard.models.entry import Entry


class Challenge(models.Model):
    """A reader's objection to an entry, with its evidence, and what an admin answered."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")

    entry = models.ForeignKey(Entry, models.CASCADE, related_name="challenges")
    challenger = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="challenges"
    )
    text = models.TextField(help_text=_("what is wrong, in Markdown"))
    evidence_url = WebAddressField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    answer = models.TextField(blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="open", settled_at__isnull=True)
                | (models.Q(state__in=["accepted", "declined"], settled_at__isnull=False) & ~models.Q(answer="")),
                name="settled_challenge_has_an_answer",
            ),
            models.UniqueConstraint(
                fields=["entry", "challenger"],
                condition=models.Q(state="open"),
                name="one_open_challenge_per_entry_and_account",
            ),
        ]
        indexes = [models.Index(fields=["state", "created_at"])]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.text[:60]}"
