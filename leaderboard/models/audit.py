import functools

from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# What happened to the target of a line, as its reader is told.
ACTIONS: dict[str, str | Promise] = {
    "submit": _("submitted"),
    "move": _("moved"),
    "publish": _("published"),
    "approve": _("looked at by an admin"),
    "look at findings": _("findings looked at"),
    "hide": _("hidden"),
    "unhide": _("shown again"),
    "repair": _("repaired"),
    "ban": _("banned"),
    "unban": _("ban lifted"),
    "challenge": _("sent in"),
    "challenge accepted": _("accepted"),
    "challenge declined": _("declined"),
    "challenged": _("challenge accepted"),
    "register": _("registered"),
    "show-samples": _("small images shown"),
    "import": _("imported"),
    "delete account": _("account deleted"),
    "add": _("added"),
    "change": _("changed"),
    "delete": _("deleted"),
}


def list_actions() -> list[tuple[str, str | Promise]]:
    return list(ACTIONS.items())


@functools.cache
def list_kinds() -> dict[str, str | Promise]:
    """Return the kinds of things that lines are about, by the name that lines have for them."""
    kinds = (*apps.get_app_config("leaderboard").get_models(), apps.get_model(settings.AUTH_USER_MODEL))
    return {kind._meta.model_name or "": kind._meta.verbose_name or "" for kind in kinds}


class AuditEvent(models.Model):
    """One line of the append-only trail: who did what to which object, and why.

    Triggers refuse to change or delete a row. The actor is kept by name, so that the line outlives the account.
    """

    at = models.DateTimeField()
    actor = models.CharField(max_length=150, help_text=_("user name, or the part of the system that acted"))
    actor_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, db_constraint=False, related_name="+"
    )
    action = models.CharField(max_length=60, choices=list_actions)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=64)
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20, blank=True)
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = _("audit event")
        verbose_name_plural = _("audit trail")
        indexes = [
            models.Index(fields=["target_type", "target_id", "at"]),
            models.Index(fields=["actor", "-id"]),
            models.Index(fields=["action", "-id"]),
        ]

    def get_kind_display(self) -> str:
        """Return what kind of thing the target is, in the reader's language."""
        return str(list_kinds().get(self.target_type, self.target_type))

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.action} {self.target_type} {self.target_id}"
