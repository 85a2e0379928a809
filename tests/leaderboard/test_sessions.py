"""What PostgreSQL's sessions are told for the portal's role, however they come about."""

import time
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection

from leaderboard.models import Benchmark
from leaderboard.services.boards.standings import refresh_benchmark
from leaderboard.sessions import WANTED, set_up_sessions
from tests.factories import make_benchmark, make_entry

pytestmark = pytest.mark.django_db(transaction=True)


def read_setting(name: str) -> str:
    """Return it as a new session has it."""
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


@pytest.fixture
def forget_settings(need_postgresql: None) -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {connection.settings_dict['NAME']} RESET ALL")
    connection.close()
    set_up_sessions()


def test_sessions_after_a_migration_compile_nothing_and_free_their_locks(need_postgresql: None) -> None:
    assert read_setting("jit") == "off"
    assert read_setting("idle_in_transaction_session_timeout") == "1min"
    # The session asked for nothing by itself.
    assert "options" not in connection.get_connection_params()


def test_what_an_admin_has_set_stands(forget_settings: None) -> None:
    name = "idle_in_transaction_session_timeout"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {connection.settings_dict['NAME']} SET {name} = '5s'")
    connection.close()
    set_up_sessions()
    assert read_setting(name) == "5s"


def test_worker_that_freezes_while_it_publishes_holds_up_a_board_no_longer_than_that(
    forget_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the one that lay frozen in a storm of faults, and held up everybody for as long as it did."""
    monkeypatch.setitem(WANTED, "idle_in_transaction_session_timeout", ("1min", "1s"))
    set_up_sessions()
    connection.close()
    board = make_benchmark()
    make_entry(board, claims={"top1": 80.0})
    frozen = connection.copy()
    try:
        frozen.set_autocommit(False)
        with frozen.cursor() as cursor:
            cursor.execute(f"SELECT id FROM {Benchmark._meta.db_table} WHERE id = %s FOR UPDATE", [board.pk])
        with connection.cursor() as cursor:
            # Else this test would wait as everybody did.
            cursor.execute("SET lock_timeout = '20s'")
        begun = time.monotonic()
        refresh_benchmark(board)
        assert 0.5 < time.monotonic() - begun < 20
        with pytest.raises(OperationalError), frozen.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        frozen.close()
