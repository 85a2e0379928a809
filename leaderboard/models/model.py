from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from leaderboard.models.paper import Paper
from leaderboard.tables.vocabulary import name_apart


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

    @classmethod
    def find_slug(cls, name: str) -> str:
        """Return the slug of the model of this name, or the one that it gets where there is none."""
        # Without regard to case, as the index is.
        known = cls._default_manager.filter(name__iexact=name).order_by("pk").values_list("slug", flat=True)
        return known.first() or name_apart(name, "model")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("model", args=[self.slug])
