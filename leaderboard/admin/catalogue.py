"""What leaderboards are about: tasks, datasets, metrics, benchmarks, papers and models."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from modeltranslation.admin import TranslationAdmin

from leaderboard.admin.bases import AuditedAdmin, JoinedInline
from leaderboard.models import (
    Benchmark,
    BenchmarkMetric,
    Dataset,
    Metric,
    Model,
    Paper,
    Protocol,
    Resource,
    Split,
    Task,
)


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
