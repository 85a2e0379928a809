from django.db import models
from django.utils.translation import gettext_lazy as _


class Worker(models.Model):
    """A worker process as it last announced itself."""

    name = models.CharField(max_length=200, unique=True)
    queues = models.JSONField(default=list)
    devices = models.JSONField(default=list)
    box = models.CharField(max_length=20, blank=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    @property
    def has_gpu(self) -> bool:
        return any(device.startswith("gpu") for device in self.devices)

    def __str__(self) -> str:
        return self.name
