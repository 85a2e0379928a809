"""Rules across tables hold after every migration, and stand in the way of none."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from leaderboard.models import AuditEvent
from leaderboard.triggers import TRIGGERS
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
# The migration that rebuilds the table of runs, which the trigger on results reads, and the one before it.
BEFORE, AFTER = "0007_content_of_weights", "0008_parts_of_runs"


def test_tables_that_triggers_read_are_rebuilt() -> None:
    call_command("migrate", "leaderboard", BEFORE, verbosity=0)
    call_command("migrate", "leaderboard", AFTER, verbosity=0)
    call_command("migrate", verbosity=0)
    event = AuditEvent.objects.create(at=NOW, action="x", actor="x", target_type="entry", target_id="1")
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.filter(pk=event.pk).delete()


def test_all_are_there() -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            names = {name for (name,) in cursor.fetchall()}
        assert {trigger.name for trigger in TRIGGERS} <= names
