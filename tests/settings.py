"""Settings of a test run: portal.settings in a folder of its own, which goes away with the run.

A worker or web process that a test starts uses this module too, with VERIBOARD_TEST_DATABASE naming the test database.
"""

import os
import tempfile
from pathlib import Path
from typing import Any, cast

if "VERIBOARD_TEST_DIR" not in os.environ:
    os.environ["VERIBOARD_TEST_DIR"] = tempfile.mkdtemp(prefix="veriboard-test-")
# Each process of a parallel run has its own files, broker and cache keys.
PART = os.environ.get("PYTEST_XDIST_WORKER", "main")

os.environ["VERIBOARD_VAR_DIR"] = str(Path(os.environ["VERIBOARD_TEST_DIR"]) / PART)
os.environ["VERIBOARD_PRODUCTION"] = "0"
# A lost worker is noticed in seconds instead of half a minute.
os.environ.setdefault("VERIBOARD_LEASE_SECONDS", "5")
os.environ.setdefault("VERIBOARD_HEARTBEAT_SECONDS", "0.5")
os.environ.setdefault("VERIBOARD_RECONCILE_SECONDS", "1")
os.environ.setdefault("VERIBOARD_REST_SECONDS", "0")
# Where no sandbox works the evaluation is still tested; the box has tests of its own.
os.environ.setdefault("VERIBOARD_ALLOW_OPEN_BOX", "1")
# Each of the many workers that tests start would load torch for a run that may never come; tests that want it say so.
os.environ.setdefault("VERIBOARD_SPARE_BOX", "0")
# GitHub's pages are tested too; nothing is ever asked of it.
os.environ.setdefault("GITHUB_CLIENT_ID", "test")
os.environ.setdefault("GITHUB_CLIENT_SECRET", "test")
# Playwright keeps an event loop in the thread in which tests query the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

from portal.settings import *  # noqa: E402
from tests.templates import FailingVariable  # noqa: E402

database = cast(dict[str, Any], DATABASES["default"])
if test_database := os.environ.get("VERIBOARD_TEST_DATABASE"):
    database["NAME"] = test_database
elif "sqlite3" in database["ENGINE"]:
    # A file, not memory, so that worker processes open it too.
    database["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
# Connections that outlive a test keep its database from being dropped.
database["CONN_MAX_AGE"] = 0

if CELERY_BROKER_URL.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": f"{PART}:"}
cache = cast(dict[str, Any], CACHES["default"])
if str(cache["LOCATION"]).startswith("redis"):
    # Emptying the cache empties a whole Redis database: one a process, and none is the broker's.
    number = 1 if PART == "main" else 2 + int(PART.removeprefix("gw"))
    cache["LOCATION"] = f"{cache['LOCATION'].rpartition('/')[0]}/{number}"

STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

# A template variable that does not exist fails the test; so does an N+1 query inside one request.
cast(list[dict[str, Any]], TEMPLATES)[0]["OPTIONS"]["string_if_invalid"] = FailingVariable(BASE_DIR)
INSTALLED_APPS = ["zeal", *INSTALLED_APPS]
MIDDLEWARE = ["zeal.middleware.zeal_middleware", *MIDDLEWARE]
ZEAL_RAISE = True
# A decision on many entries derives the board of each: writes, which nothing reads in one go.
ZEAL_ALLOWLIST = [
    {"model": "leaderboard.BoardFacts", "field": "get()"},
    # allauth asks for the same account and address again and again within one form.
    {"model": "account.EmailAddress", "field": "*"},
    {"model": "accounts.User", "field": "get()"},
    {"model": "sessions.Session", "field": "get()"},
]

# WhiteNoise warns about a folder that is not there; nothing is collected for a test.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
