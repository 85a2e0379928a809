from typing import ClassVar

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from leaderboard.models.addresses import WebAddressField


class Task(models.Model):
    """A problem, such as image classification. Tasks form a tree."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    position = models.PositiveIntegerField(default=0)

    # modeltranslation puts managers of its own in place of these, which types cannot see.
    objects: ClassVar[models.Manager["Task"]] = models.Manager()
    _default_manager: ClassVar[models.Manager["Task"]]

    class Meta:
        ordering = ["position", "slug"]
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True) | ~models.Q(parent=models.F("id")),
                name="task_is_not_its_own_parent",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("task", args=[self.slug])


class Resource(models.Model):
    """A useful link on a task page."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="resources")
    title = models.CharField(max_length=300)
    url = WebAddressField()
    type = models.CharField(max_length=60, blank=True)
    description = models.TextField(blank=True)
    position = models.PositiveIntegerField(default=0)

    # modeltranslation puts managers of its own in place of these, which types cannot see.
    objects: ClassVar[models.Manager["Resource"]] = models.Manager()
    _default_manager: ClassVar[models.Manager["Resource"]]

    class Meta:
        ordering = ["position", "id"]
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
        constraints = [models.UniqueConstraint(fields=["task", "url"], name="resource_once_per_task")]

    def __str__(self) -> str:
        return self.title
