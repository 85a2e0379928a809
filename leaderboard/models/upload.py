import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Upload(models.Model):
    """A weights file on its way here, a part at a time. It is removed once it is submitted, or abandoned."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=200)
    size_bytes = models.PositiveBigIntegerField()
    offset_bytes = models.PositiveBigIntegerField(default=0, help_text="how much of it is here")
    sha256 = models.CharField(max_length=64, blank=True, help_text="of the whole file, as its sender states it")
    created_at = models.DateTimeField()
    written_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-written_at", "id"]
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(offset_bytes__lte=models.F("size_bytes")), name="upload_is_not_longer_than_declared"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.offset_bytes} of {self.size_bytes} bytes)"

    @property
    def is_complete(self) -> bool:
        return self.offset_bytes == self.size_bytes

    @property
    def percent(self) -> int:
        return 100 * self.offset_bytes // self.size_bytes


class UploadPart(models.Model):
    """Bytes of an upload from `offset_bytes` on, a file of its own: object storages cannot append."""

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="parts")
    offset_bytes = models.PositiveBigIntegerField()
    file = models.FileField(upload_to="uploads/", max_length=300)

    class Meta:
        ordering = ["offset_bytes"]
        verbose_name = _("part of an upload")
        verbose_name_plural = _("parts of uploads")
        constraints = [models.UniqueConstraint(fields=["upload", "offset_bytes"], name="upload_part_once")]

    def __str__(self) -> str:
        return f"{self.upload_id} from {self.offset_bytes}"
