"""What PostgreSQL's sessions are told before the portal asks anything in them."""

from typing import Any

from django.db import connections

# What a server comes with, and what is wanted instead.
WANTED = {
    # What it compiles for a page takes longer than reading it.
    "jit": ("on", "off"),
    # A worker that freezes while it publishes, with its machine or its network, keeps the locks on run and board; all
    # others would wait for as long as it is away. Longer than any step of ours takes between two statements.
    "idle_in_transaction_session_timeout": ("0", "60s"),
}


def set_up_sessions(*, using: str = "default", **_: Any) -> None:
    """Set it for this role in this database, in whose sessions to come it costs nothing.

    A pooler refuses sessions that ask for it at their start, and shares those in which it was set later. What an admin
    has set to another value stands, and so does an address with `options=-c jit=on`.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        database = connection.ops.quote_name(cursor.fetchone()[0])
        for name, (usual, wanted) in WANTED.items():
            cursor.execute("SELECT current_setting(%s)", [name])
            if cursor.fetchone() == (usual,):
                cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {name} = '{wanted}'")
