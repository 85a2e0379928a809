"""What the tables of admins have in common: writes are audited, and what services write is read only."""

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

from leaderboard.models import Benchmark
from leaderboard.services import audit
from leaderboard.services.boards import standings


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
