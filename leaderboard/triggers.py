"""Rules that span two tables, held by the database itself. Installed after every migrate, on SQLite and PostgreSQL.

Django's constraints see one row of one table; these need a second row, or forbid a whole kind of statement. They are
put in place anew each time, as SQLite drops a table's triggers when a migration rebuilds the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connections


@dataclass(frozen=True)
class Trigger:
    """Refuse `event` on `table` with `message` where `condition` (SQL over NEW) holds."""

    name: str
    table: str
    event: str
    condition: str
    message: str


def range_trigger(table: str, event: str) -> Trigger:
    return Trigger(
        name=f"{table}_range_{event.lower()}",
        table=f"leaderboard_{table}",
        event=event,
        condition=(
            "EXISTS (SELECT 1 FROM leaderboard_metric m WHERE m.id = NEW.metric_id"
            " AND (NEW.value < m.minimum OR NEW.value > m.maximum))"
        ),
        message="score outside its metric's range",
    )


TRIGGERS = (
    Trigger(
        name="result_needs_a_verified_run",
        table="leaderboard_result",
        event="INSERT",
        condition="NOT EXISTS (SELECT 1 FROM leaderboard_run r WHERE r.id = NEW.run_id AND r.state = 'verified')",
        message="a result belongs to a verified run only",
    ),
    *(range_trigger(table, event) for table in ("claim", "score") for event in ("INSERT", "UPDATE")),
    *(
        Trigger(
            name=f"audit_is_append_only_{event.lower()}",
            table="leaderboard_auditevent",
            event=event,
            condition="1 = 1",
            message="the audit trail is append-only",
        )
        for event in ("UPDATE", "DELETE")
    ),
)


def sqlite_statements(trigger: Trigger) -> Iterator[str]:
    message = trigger.message.replace("'", "''")
    yield f"DROP TRIGGER IF EXISTS {trigger.name}"
    yield (
        f"CREATE TRIGGER {trigger.name} BEFORE {trigger.event} ON {trigger.table} FOR EACH ROW"
        f" WHEN {trigger.condition} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def postgresql_statements(trigger: Trigger) -> Iterator[str]:
    message = trigger.message.replace("'", "''")
    yield (
        f"CREATE OR REPLACE FUNCTION {trigger.name}() RETURNS trigger AS $$ BEGIN"
        f" IF {trigger.condition} THEN RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF;"
        " RETURN NEW; END $$ LANGUAGE plpgsql"
    )
    yield f"DROP TRIGGER IF EXISTS {trigger.name} ON {trigger.table}"
    yield (
        f"CREATE TRIGGER {trigger.name} BEFORE {trigger.event} ON {trigger.table}"
        f" FOR EACH ROW EXECUTE FUNCTION {trigger.name}()"
    )


DIALECTS = {"sqlite": sqlite_statements, "postgresql": postgresql_statements}


def install_triggers(*, using: str = "default", **_: Any) -> None:
    """Put every trigger in place on the database alias `using`."""
    connection = connections[using]
    present = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for trigger in TRIGGERS:
            if trigger.table in present:
                for statement in DIALECTS[connection.vendor](trigger):
                    cursor.execute(statement)


def lift_triggers(*, using: str = "default", **_: Any) -> None:
    """Take every trigger off before a migration on SQLite, where a table that one of them reads cannot be rebuilt."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for trigger in TRIGGERS:
                cursor.execute(f"DROP TRIGGER IF EXISTS {trigger.name}")
