"""The append-only trail. Every write of `services` leaves its line here, in the same transaction."""

import datetime as dt
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models

from leaderboard.models import AuditEvent

# Who acts: an account, or a named part of the system ("worker", "reconcile", "importer").
Actor = AbstractBaseUser | str


def record(
    action: str,
    target: models.Model,
    *,
    by: Actor,
    at: dt.datetime,
    moved: tuple[str, str] = ("", ""),
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append one line about `target`; `moved` is the state before and after, where one changed."""
    return AuditEvent.objects.create(
        at=at,
        actor=by if isinstance(by, str) else by.get_username(),
        actor_user_id=None if isinstance(by, str) else by.pk,
        action=action,
        target_type=target._meta.model_name or "",
        target_id=str(target.pk),
        from_state=moved[0],
        to_state=moved[1],
        reason=reason,
        data=data or {},
    )
