from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Ban(models.Model):
    """An account that may read and nothing more. Lifting it deletes the row; the audit trail keeps both."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="ban")
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        verbose_name = _("ban")
        verbose_name_plural = _("bans")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.reason}"
