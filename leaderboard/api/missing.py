"""What is said where there is no such thing: what is missing, and where those are that there are."""

from typing import Any

from django.db.models import Model as Row
from django.http import Http404
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework import viewsets

from leaderboard.models import Benchmark, Dataset, Model, Result, Submission, Task, Upload, Webhook

# Of what is another's the same is said as of what is not there.
SENTENCES: dict[type[Row], str | Promise] = {
    Task: _("There is no task “%(slug)s”; /api/v1/tasks/ lists them all."),
    Dataset: _("There is no dataset “%(slug)s”; /api/v1/datasets/ lists them all."),
    Benchmark: _("There is no benchmark “%(slug)s”; /api/v1/benchmarks/ lists them all."),
    Model: _("There is no model “%(slug)s”; /api/v1/models/ lists them all."),
    Submission: _(
        "There is no such submission, or it is another's; /api/v1/submissions/ lists those that you may see."
    ),
    Result: _("There is no such result, or its entry is hidden; a submission tells the id of its result."),
    Upload: _("There is no such upload of yours; it was submitted, deleted or given up, so begin a new one."),
    Webhook: _("There is no such webhook of yours; /api/v1/webhooks/ lists yours."),
}


def miss(kind: type[Row], slug: str = "") -> Http404:
    """Return the error that says in the reader's language that there is no such thing."""
    return Http404(str(SENTENCES[kind]) % {"slug": slug[:100]})


class FindingViewSet(viewsets.GenericViewSet[Any]):
    """Finds one object by what its address names, or says what is missing."""

    def get_object(self) -> Any:
        """Raises: Http404."""
        try:
            return super().get_object()
        except Http404 as error:
            raise miss(self.get_queryset().model, self.kwargs.get("slug", "")) from error
