"""Fixtures for tests of the portal: a database that real worker processes share, a served portal, a browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.utils import translation
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer
from pytest_django.plugin import DjangoDbBlocker

from leaderboard.queries.heads import forget_heads
from leaderboard.queries.names import forget_names
from leaderboard.triggers import TRIGGERS
from leaderboard.versions import forget
from tests.processes import WorkerProcess, start_worker_process

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def need(present: object, reason: str) -> None:
    """Skip the test with `reason`; fail it where SERVICES=1 promised that nothing is skipped."""
    if not present:
        (pytest.fail if os.environ.get("SERVICES") == "1" else pytest.skip)(reason)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to the other pass what only it can run, where there are two: on SQLite, and on PostgreSQL and Redis."""
    if os.environ.get("SERVICES") == "1":
        others = {"need_sqlite"} if "DATABASE_URL" in os.environ else {"need_postgresql", "need_redis"}
        left = [item for item in items if others & set(getattr(item, "fixturenames", ()))]
        items[:] = [item for item in items if item not in left]
        config.hook.pytest_deselected(items=left)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Let SQLite empty its tables between tests although the audit trail refuses deletions.

    The triggers are back as soon as the tables are empty: flush sends post_migrate, which installs them.
    """
    operations = DatabaseWrapper.ops_class
    plain_flush = operations.sql_flush

    def flush(self: Any, style: Any, tables: Any, **options: Any) -> list[str]:
        lifted = [f"DROP TRIGGER IF EXISTS {trigger.name}" for trigger in TRIGGERS if trigger.event == "DELETE"]
        return [*lifted, *plain_flush(self, style, tables, **options)]

    operations.sql_flush = flush  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """End the sessions that threads of a served portal still hold, which would keep the database from being dropped."""
    yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Throttles, cached boards and the last request's language of one test do not reach the next."""
    yield
    cache.clear()
    forget()
    forget_heads()
    forget_names()
    translation.deactivate()


@pytest.fixture
def need_postgresql() -> None:
    need(connection.vendor == "postgresql", "needs PostgreSQL: SERVICES=1 make test")


@pytest.fixture
def need_sqlite() -> None:
    need(connection.vendor == "sqlite", "needs SQLite: make test without DATABASE_URL")


@pytest.fixture
def need_redis() -> None:
    need(settings.CELERY_BROKER_URL.startswith("redis"), "needs Redis: SERVICES=1 make test")


@pytest.fixture(scope="session")
def need_bwrap() -> None:
    need(shutil.which("bwrap"), "needs bwrap (Debian package bubblewrap): SERVICES=1 make test")


@pytest.fixture
def live_portal(live_server: LiveServer) -> str:
    """The portal served on a free loopback port, by its address. Its database is the test's, seen by workers too."""
    return str(live_server.url)


@pytest.fixture
def start_worker(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    """Start a real Celery worker on the test's database: `start_worker("a", queues="cpu,gpu", env={…})`.

    `beat=True` makes it the scheduler too. Each one can be killed with `worker.kill()` (SIGKILL, the worker alone);
    what is left at the end of the test is ended with all of its children.
    """
    workers: list[WorkerProcess] = []

    def start(name: str = "worker", **options: Any) -> WorkerProcess:
        database = str(connection.settings_dict["NAME"])
        workers.append(start_worker_process(name, database=database, log_dir=tmp_path, **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()


@pytest.fixture
def worker(start_worker: Callable[..., WorkerProcess]) -> WorkerProcess:
    """One worker process that takes every queue, with the scheduler in it, ready for messages."""
    return start_worker("worker", queues="cpu,gpu,control", beat=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    need(CHROMIUM, "needs Chromium: SERVICES=1 make test")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page. The test fails where a script raised or the content policy blocked something."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []
