import secrets
import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from leaderboard.models.addresses import WebAddressField


def draw_salt() -> str:
    return secrets.token_hex(16)


class Webhook(models.Model):
    """An address of somebody's that is told when a run of theirs ends, or an entry of theirs is verified or overtaken.

    Its secret is not stored: it follows from the server's key and `salt`, so a leaked backup signs nothing.
    """

    class Event(models.TextChoices):
        FINISHED = "run.finished", _("a run of mine has ended")
        VERIFIED = "entry.verified", _("an entry of mine is verified")
        OVERTAKEN = "entry.overtaken", _("a leading entry of mine is overtaken")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = WebAddressField()
    events = models.JSONField(default=list)
    salt = models.CharField(max_length=32, default=draw_salt, editable=False)
    failures = models.PositiveSmallIntegerField(default=0, help_text=_("attempts that failed since the last success"))
    disabled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "pk"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return str(self.url)

    def get_absolute_url(self) -> str:
        return reverse("webhook", args=[self.pk])

    @property
    def event_names(self) -> list[str]:
        """Return what it is told of, in the order in which that is offered."""
        return [str(event.label) for event in self.Event if event in self.events]


class Delivery(models.Model):
    """A message to a webhook: written with what it tells of, in one transaction; sent by the scheduler afterwards.

    `due_at` is null once there is nothing more to do: it arrived, or was given up.
    """

    TEST = "test"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=20)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    fault = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "pk"]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            models.Index(fields=["due_at"], name="due_deliveries", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["webhook", "-created_at"], name="deliveries_of_a_webhook"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"

    @property
    def state(self) -> str:
        if self.delivered_at:
            return "delivered"
        return "waiting" if self.due_at else "failed"
