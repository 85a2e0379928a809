from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from leaderboard.models.paper import Paper


class Model(models.Model):
    """A published model."""

    slug = models.SlugField(max_length=120, unique=True)
    name = models.CharField(max_length=200)
    architecture = models.CharField(max_length=120, blank=True)
    parameters = models.PositiveBigIntegerField(null=True, blank=True)
    multiply_adds = models.PositiveBigIntegerField(null=True, blank=True)
    paper = models.ForeignKey(Paper, models.SET_NULL, null=True, blank=True, related_name="models")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("model")
        verbose_name_plural = _("models")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("model", args=[self.slug])
