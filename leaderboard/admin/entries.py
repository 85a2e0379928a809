"""What stands on leaderboards: entries with claims and weights, and what was verified of them."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Model as Row
from django.db.models import QuerySet
from django.http import HttpRequest

from leaderboard.admin.bases import AuditedAdmin, JoinedInline, ReadOnly
from leaderboard.models import Benchmark, BoardFacts, Claim, Entry, Result, Score, Standing, Weights


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


@admin.register(Weights)
class WeightsAdmin(AuditedAdmin):
    """Addresses can be mended; file, digest and size are what a run found."""

    list_display = ("model", "framework", "url", "sha256", "format")
    list_select_related = ("model",)
    list_filter = ("framework", "format")
    search_fields = ("model__name", "url", "sha256")
    autocomplete_fields = ("model",)
    readonly_fields = ("file", "sha256", "content_sha256", "size_bytes", "format", "created_at")

    def list_boards(self, rows: Iterable[Weights]) -> QuerySet[Benchmark]:
        return Benchmark.objects.filter(entries__weights__in=[row.pk for row in rows]).distinct()


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


@admin.register(Standing)
class StandingAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("entry", "metric", "claimed", "verified", "rank", "is_visible")
    list_select_related = ("entry__model", "entry__benchmark", "metric")
    list_filter = ("metric", "is_visible", "benchmark__slug")
    search_fields = ("entry__model__name",)


@admin.register(BoardFacts)
class BoardFactsAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("benchmark", "version", "entries", "verified", "mismatch")
