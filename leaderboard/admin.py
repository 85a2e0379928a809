"""The tables behind the pages, for admins. What the verification path writes is shown here and never written."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Model as Row
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from modeltranslation.admin import TranslationAdmin

from leaderboard.models import (
    AuditEvent,
    Ban,
    Benchmark,
    BenchmarkMetric,
    BoardFacts,
    Challenge,
    Claim,
    Dataset,
    Delivery,
    Entry,
    Metric,
    Model,
    Notice,
    NoticeSettings,
    Paper,
    Part,
    Protocol,
    Resource,
    Result,
    Run,
    Score,
    Split,
    Standing,
    Submission,
    Task,
    Upload,
    UploadPart,
    Webhook,
    Weights,
    Worker,
)
from leaderboard.services import audit, standings


class AuditedAdmin(admin.ModelAdmin[Any]):
    """Every write leaves its line in the audit trail, and the boards that it bears on are derived anew."""

    show_full_result_count = False

    def list_boards(self, rows: Iterable[Any]) -> QuerySet[Benchmark]:
        """Return the benchmarks whose standings these rows bear on."""
        return Benchmark.objects.none()

    def refresh(self, boards: Iterable[Benchmark]) -> None:
        for board in boards:
            standings.refresh_benchmark(board)

    def save_related(self, request: HttpRequest, form: "ModelForm[Any]", formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self.refresh(self.list_boards([form.instance]))

    def delete_model(self, request: HttpRequest, obj: Row) -> None:
        boards = list(self.list_boards([obj]))
        super().delete_model(request, obj)
        self.refresh(boards)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        boards = list(self.list_boards(list(queryset)))
        with transaction.atomic():
            super().delete_queryset(request, queryset)
            self.refresh(boards)

    def log_addition(self, request: HttpRequest, obj: Row, message: Any) -> LogEntry:
        self.record("add", request, obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Row, message: Any) -> LogEntry:
        self.record("change", request, obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[LogEntry]:
        for obj in queryset:
            self.record("delete", request, obj, [])
        return super().log_deletions(request, queryset)

    def record(self, action: str, request: HttpRequest, obj: Row, message: Any) -> None:
        assert not request.user.is_anonymous
        data = {"name": str(obj)} | ({"changes": message} if message else {})
        audit.record(action, obj, by=request.user, at=timezone.now(), data=data)


class ReadOnly:
    """Shown, and changed by nobody here: the services write it."""

    def has_add_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


class JoinedInline(admin.TabularInline[Any, Any]):
    """An inline whose rows name other rows: these come with the same query."""

    joined: tuple[str, ...]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related(*self.joined)


class SplitInline(JoinedInline):
    model = Split
    joined = ("dataset",)
    extra = 0
    fields = ("name", "samples", "classes", "digest")
    readonly_fields = ("digest",)
    show_change_link = True


class BenchmarkMetricInline(JoinedInline):
    model = BenchmarkMetric
    joined = ("benchmark", "metric")
    extra = 0
    autocomplete_fields = ("metric",)


class ClaimInline(JoinedInline):
    model = Claim
    joined = ("metric",)
    extra = 0
    fields = ("metric", "value", "text", "source", "source_url")
    autocomplete_fields = ("metric",)


class ScoreInline(ReadOnly, JoinedInline):
    model = Score
    joined = ("metric",)
    extra = 0


@admin.register(Task)
class TaskAdmin(AuditedAdmin, TranslationAdmin[Any]):
    list_display = ("name", "slug", "parent", "position")
    list_select_related = ("parent",)
    search_fields = ("name", "slug")
    autocomplete_fields = ("parent",)
    prepopulated_fields = {"slug": ("name",)}


@admin.register(Resource)
class ResourceAdmin(AuditedAdmin, TranslationAdmin[Any]):
    list_display = ("title", "task", "type", "url")
    list_select_related = ("task",)
    list_filter = ("task", "type")
    search_fields = ("title", "url")
    autocomplete_fields = ("task",)


@admin.register(Dataset)
class DatasetAdmin(AuditedAdmin, TranslationAdmin[Any]):
    list_display = ("name", "slug", "version", "licence")
    search_fields = ("name", "slug")
    inlines = (SplitInline,)


@admin.register(Split)
class SplitAdmin(AuditedAdmin):
    """The files themselves are registered by `register_dataset`, which reads them."""

    list_display = ("__str__", "samples", "classes", "is_registered")
    list_select_related = ("dataset",)
    search_fields = ("name", "dataset__name", "dataset__slug")
    autocomplete_fields = ("dataset",)
    readonly_fields = ("digest", "path", "labels_path", "thumbnails", "class_counts")

    @admin.display(boolean=True)
    def is_registered(self, split: Split) -> bool:
        return split.is_registered


@admin.register(Protocol)
class ProtocolAdmin(AuditedAdmin, TranslationAdmin[Any]):
    list_display = ("name", "slug")
    search_fields = ("name", "slug")


@admin.register(Metric)
class MetricAdmin(AuditedAdmin, TranslationAdmin[Any]):
    list_display = ("label", "key", "unit", "direction", "minimum", "maximum")
    list_filter = ("direction",)
    search_fields = ("key", "label")

    def list_boards(self, rows: Iterable[Metric]) -> QuerySet[Benchmark]:
        return Benchmark.objects.filter(metrics__in=[row.pk for row in rows if row.pk]).distinct()


@admin.register(Benchmark)
class BenchmarkAdmin(AuditedAdmin, TranslationAdmin[Any]):
    list_display = ("slug", "task", "split", "protocol", "tolerance", "is_open", "position")
    list_select_related = ("task", "split__dataset", "protocol")
    list_filter = ("is_open", "task")
    search_fields = ("slug", "split__dataset__name")
    autocomplete_fields = ("task", "split", "protocol")
    inlines = (BenchmarkMetricInline,)

    def list_boards(self, rows: Iterable[Benchmark]) -> QuerySet[Benchmark]:
        return Benchmark.objects.filter(pk__in=[row.pk for row in rows])


@admin.register(Paper)
class PaperAdmin(AuditedAdmin):
    list_display = ("title", "url", "published_on")
    search_fields = ("title", "url")


@admin.register(Model)
class ModelAdmin(AuditedAdmin):
    list_display = ("name", "slug", "architecture", "parameters", "paper")
    list_select_related = ("paper",)
    search_fields = ("name", "slug", "architecture")
    autocomplete_fields = ("paper",)


@admin.register(Weights)
class WeightsAdmin(AuditedAdmin):
    """Addresses can be mended; file, digest and size are what a run found."""

    list_display = ("model", "framework", "url", "sha256", "format")
    list_select_related = ("model",)
    list_filter = ("framework", "format")
    search_fields = ("model__name", "url", "sha256")
    autocomplete_fields = ("model",)
    readonly_fields = ("file", "sha256", "content_sha256", "size_bytes", "format", "created_at")


@admin.register(Entry)
class EntryAdmin(AuditedAdmin):
    """What is derived or moderated is shown; an entry is hidden with a reason, never deleted."""

    list_display = ("model", "variant", "benchmark__slug", "status", "verdict", "verified_at", "is_hidden")
    list_select_related = ("model", "benchmark")
    list_filter = ("status", "verdict", "is_hidden", "benchmark__slug")
    search_fields = ("model__name", "variant")
    autocomplete_fields = ("benchmark", "model", "weights")
    readonly_fields = ("status", "verdict", "verified_at", "is_hidden", "hidden_reason", "created_at")
    inlines = (ClaimInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def list_boards(self, rows: Iterable[Entry]) -> QuerySet[Benchmark]:
        return Benchmark.objects.filter(pk__in=[row.benchmark_id for row in rows])


@admin.register(Claim)
class ClaimAdmin(AuditedAdmin):
    list_display = ("entry", "metric", "value", "text", "source", "created_at")
    list_select_related = ("entry__model", "entry__benchmark", "metric")
    list_filter = ("metric", "entry__benchmark__slug")
    search_fields = ("entry__model__name", "source")
    autocomplete_fields = ("entry", "metric")

    def list_boards(self, rows: Iterable[Claim]) -> QuerySet[Benchmark]:
        return Benchmark.objects.filter(pk__in=[row.entry.benchmark_id for row in rows])


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


@admin.register(Result)
class ResultAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("entry", "created_at", "retracted_at", "evidence_sha256")
    list_select_related = ("entry__model", "entry__benchmark")
    search_fields = ("entry__model__name", "evidence_sha256")
    inlines = (ScoreInline,)


@admin.register(Score)
class ScoreAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("result", "metric", "value", "low", "high", "correct", "total")
    list_select_related = ("result__entry__model", "result__entry__benchmark", "metric")
    list_filter = ("metric",)
    search_fields = ("result__entry__model__name",)


@admin.register(BoardFacts)
class BoardFactsAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("benchmark", "version", "entries", "verified", "mismatch")


@admin.register(Standing)
class StandingAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("entry", "metric", "claimed", "verified", "rank", "is_visible")
    list_select_related = ("entry__model", "entry__benchmark", "metric")
    list_filter = ("metric", "is_visible", "benchmark__slug")
    search_fields = ("entry__model__name",)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("at", "actor", "action", "target_type", "target_id", "from_state", "to_state", "reason")
    list_filter = ("action", "target_type")
    search_fields = ("actor", "target_id", "reason")


@admin.register(Worker)
class WorkerAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("name", "queues", "devices", "box", "started_at", "seen_at")
    search_fields = ("name",)


@admin.register(Ban)
class BanAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("user", "at", "reason")
    list_select_related = ("user",)
    search_fields = ("user__username", "reason")


@admin.register(Challenge)
class ChallengeAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("entry", "challenger", "state", "created_at", "settled_at")
    list_select_related = ("entry__model", "entry__benchmark", "challenger")
    list_filter = ("state",)
    search_fields = ("entry__model__name", "challenger__username", "text")


@admin.register(Notice)
class NoticeAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("user", "kind", "created_at", "due_at", "attempts", "sent_at")
    list_select_related = ("user",)
    list_filter = ("kind",)
    search_fields = ("user__username",)


@admin.register(NoticeSettings)
class NoticeSettingsAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("user", "on_finish", "on_overtaken", "on_moderation", "language")
    list_select_related = ("user",)
    search_fields = ("user__username",)


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


class DeliveryInline(ReadOnly, admin.TabularInline[Any, Any]):
    model = Delivery
    extra = 0
    fields = ("event", "created_at", "attempts", "status_code", "delivered_at", "fault")


@admin.register(Webhook)
class WebhookAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("url", "owner", "events", "failures", "disabled_at")
    list_select_related = ("owner",)
    search_fields = ("url", "owner__username")
    inlines = (DeliveryInline,)
