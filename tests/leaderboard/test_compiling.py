"""PostgreSQL compiles no queries for the portal's role, however its sessions come about."""

import pytest
from django.db import connection


@pytest.mark.django_db(transaction=True)
def test_sessions_after_a_migration_compile_nothing(need_postgresql: None) -> None:
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('jit')")
        assert cursor.fetchone() == ("off",)
    # The session asked for nothing by itself.
    assert "options" not in connection.get_connection_params()
