from typing import ClassVar

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from leaderboard.models.addresses import WebAddressField
from leaderboard.models.shapes import check_names


class Dataset(models.Model):
    """A named set of images with a version, a licence and one or more splits."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    version = models.CharField(max_length=60, blank=True)
    licence = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    homepage_url = WebAddressField(blank=True)
    shows_samples = models.BooleanField(
        default=False, help_text=_("Its licence allows pages to show small images of its samples.")
    )

    objects: ClassVar[models.Manager["Dataset"]] = models.Manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("dataset")
        verbose_name_plural = _("datasets")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("dataset", args=[self.slug])


class Split(models.Model):
    """One part of a dataset. It can be evaluated on once its files are registered on the workers."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="splits")
    name = models.CharField(max_length=60)
    samples = models.PositiveIntegerField(null=True, blank=True)
    classes = models.PositiveIntegerField(null=True, blank=True)
    class_names = models.JSONField(default=list, blank=True, validators=[check_names])
    digest = models.CharField(max_length=80, blank=True, help_text="sha256:… of the registered files")
    path = models.CharField(max_length=500, blank=True, help_text="where the workers find the files; never shown")
    labels_path = models.CharField(max_length=500, blank=True)
    thumbnails = models.PositiveIntegerField(default=0, help_text="how many samples have a small image in the storage")
    class_counts = models.JSONField(
        default=list, blank=True, help_text="samples of each class, in whose order they stand; empty of several labels"
    )

    class Meta:
        ordering = ["dataset", "name"]
        verbose_name = _("split")
        verbose_name_plural = _("splits")
        constraints = [
            models.UniqueConstraint(fields=["dataset", "name"], name="split_name_once_per_dataset"),
            models.CheckConstraint(
                condition=models.Q(path="") | ~models.Q(digest=""), name="registered_split_has_a_digest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset.name} {self.name}"

    def clean(self) -> None:
        # An emptied field of a form is none.
        self.class_names = self.class_names or []

    @property
    def short_digest(self) -> str:
        """The digest's first 16 hexadecimal digits: enough for an address."""
        return self.digest.removeprefix("sha256:")[:16]

    @property
    def is_registered(self) -> bool:
        return bool(self.path)
