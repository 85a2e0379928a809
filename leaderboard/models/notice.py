from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class NoticeSettings(models.Model):
    """Of what an account wants to be told by mail, and in which language."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notice_settings")
    on_finish = models.BooleanField(default=True)
    on_overtaken = models.BooleanField(default=True)
    on_moderation = models.BooleanField(default=True)
    language = models.CharField(max_length=10, default="en", choices=settings.LANGUAGES)

    class Meta:
        verbose_name = _("notice settings")
        verbose_name_plural = _("notice settings")

    def __str__(self) -> str:
        return str(self.user_id)


class Notice(models.Model):
    """A mail to be sent: written with what it tells of, in one transaction; delivered by the scheduler afterwards.

    So a mail server that is away never fails a publication, and a publication that failed is never told of.
    """

    class Kind(models.TextChoices):
        FINISHED = "finished", _("finished")
        FAILED = "failed", _("failed")
        OVERTAKEN = "overtaken", _("overtaken")
        MODERATED = "moderated", _("moderated")
        ANSWERED = "answered", _("answered")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=Kind)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [models.Index(fields=["due_at"], name="unsent_notices", condition=models.Q(sent_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.kind} to {self.user_id}"
