from django.db import models
from django.utils.translation import gettext_lazy as _

from leaderboard.models.addresses import WebAddressField
from leaderboard.models.model import Model


class Weights(models.Model):
    """One weights file of a model for one framework: an address, a stored file, or both."""

    model = models.ForeignKey(Model, models.CASCADE, related_name="weights")
    framework = models.CharField(max_length=40)
    url = WebAddressField(blank=True)
    file = models.FileField(upload_to="weights/", max_length=300, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    content_sha256 = models.CharField(
        max_length=64, blank=True, help_text="of the tensors that a verified file holds, whatever they are called in it"
    )
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    format = models.CharField(max_length=30, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["framework", "id"]
        verbose_name = _("weights")
        verbose_name_plural = _("weights")
        constraints = [
            models.UniqueConstraint(
                fields=["model", "framework", "url"],
                condition=~models.Q(url=""),
                name="weights_once_per_model_framework_and_address",
            ),
            models.UniqueConstraint(
                fields=["model", "framework", "sha256"],
                condition=models.Q(url=""),
                name="uploaded_weights_once_per_model_framework_and_content",
            ),
            models.CheckConstraint(
                condition=~models.Q(url="") | ~models.Q(sha256=""), name="weights_have_an_address_or_a_digest"
            ),
        ]
        indexes = [
            models.Index(fields=["sha256"]),
            models.Index(fields=["content_sha256"]),
            models.Index(fields=["framework"], name="weights_framework"),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} ({self.framework})"
