"""Keep PostgreSQL from compiling queries: what it compiles for a page takes longer than reading it."""

from typing import Any

from django.db import connections


def switch_off_compiling(*, using: str = "default", **_: Any) -> None:
    """Switch it off for this role in this database, in whose sessions to come it costs nothing.

    A pooler refuses sessions that ask for it at their start, and shares those in which it was set later. An address
    with `options=-c jit=on` stands.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('jit'), current_database()")
        setting, database = cursor.fetchone()
        if setting == "on":
            cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {connection.ops.quote_name(database)} SET jit = off")
