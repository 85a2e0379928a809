from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from leaderboard.models.addresses import WebAddressField


class Paper(models.Model):
    """A publication, known by its address."""

    url = WebAddressField(unique=True)
    title = models.CharField(max_length=400, blank=True)
    authors = models.TextField(blank=True)
    published_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["-published_on", "title"]
        verbose_name = _("paper")
        verbose_name_plural = _("papers")

    def __str__(self) -> str:
        return self.title or self.url

    def get_absolute_url(self) -> str:
        return reverse("paper", args=[self.pk])
