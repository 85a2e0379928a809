"""What is to be verified and by whom: uploads, submissions, runs and workers."""

from typing import Any

from django.contrib import admin

from leaderboard.admin.bases import ReadOnly
from leaderboard.models import Part, Run, Submission, Upload, UploadPart, Worker


class UploadPartInline(ReadOnly, admin.TabularInline[Any, Any]):
    model = UploadPart
    extra = 0
    fields = ("offset_bytes",)


@admin.register(Upload)
class UploadAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("name", "owner", "offset_bytes", "size_bytes", "written_at")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username")
    inlines = (UploadPartInline,)


@admin.register(Submission)
class SubmissionAdmin(ReadOnly, admin.ModelAdmin[Any]):
    """Submitted by form or API, where the file is checked; moderated on pages of its own, where a reason is given."""

    list_display = ("short_id", "model_name", "benchmark__slug", "submitter", "state", "created_at")
    list_select_related = ("benchmark", "submitter")
    list_filter = ("state", "benchmark__slug")
    search_fields = ("model_name", "weights_name", "weights_sha256", "submitter__username")


@admin.register(Run)
class RunAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("__str__", "state", "queue", "worker", "stage", "queued_at", "finished_at")
    list_select_related = ("submission",)
    list_filter = ("state", "queue")
    search_fields = ("submission__model_name", "worker", "reason")
    # Who holds the token can publish.
    exclude = ("token",)


@admin.register(Part)
class PartAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("__str__", "state", "worker", "done", "losses", "started_at", "finished_at")
    list_select_related = ("run__submission",)
    list_filter = ("state", "is_merging")
    search_fields = ("run__submission__model_name", "worker")
    exclude = ("token", "outcomes")


@admin.register(Worker)
class WorkerAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("name", "queues", "devices", "box", "started_at", "seen_at")
    search_fields = ("name",)
