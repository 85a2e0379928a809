"""What people did and are told: the audit trail, bans, challenges, notices and webhooks."""

from typing import Any

from django.contrib import admin

from leaderboard.admin.bases import ReadOnly
from leaderboard.models import AuditEvent, Ban, Challenge, Delivery, Notice, NoticeSettings, Webhook


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, admin.ModelAdmin[Any]):
    list_display = ("at", "actor", "action", "target_type", "target_id", "from_state", "to_state", "reason")
    list_filter = ("action", "target_type")
    search_fields = ("actor", "target_id", "reason")


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
