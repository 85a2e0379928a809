"""Rules across tables hold after every migration, and stand in the way of none."""

import pytest
from django.core.management import call_command
from django.core.management.sql import emit_pre_migrate_signal
from django.db import DatabaseError, connection, transaction

from leaderboard.models import AuditEvent, Run
from leaderboard.triggers import TRIGGERS
from tests.factories import NOW, make_benchmark, make_submission, make_user

# PostgreSQL changes a table where it is.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("need_sqlite")]


def list_triggers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return {name for (name,) in cursor.fetchall()}


def test_table_that_a_trigger_reads_is_rebuilt_between_them() -> None:
    submission = make_submission(make_benchmark(), make_user())
    run = Run.objects.create(submission=submission, queued_at=NOW)
    ours = {trigger.name for trigger in TRIGGERS}
    assert ours <= list_triggers()
    emit_pre_migrate_signal(verbosity=0, interactive=False, db="default")
    assert not ours & list_triggers()
    # What most migrations of a table come to on SQLite.
    with connection.schema_editor() as editor:
        editor._remake_table(Run)  # type: ignore[attr-defined]
    call_command("migrate", verbosity=0)
    assert ours <= list_triggers()
    assert Run.objects.get() == run


def test_audit_trail_takes_no_deletion() -> None:
    event = AuditEvent.objects.create(at=NOW, action="x", actor="x", target_type="entry", target_id="1")
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.filter(pk=event.pk).delete()
