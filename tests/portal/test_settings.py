"""Production starts only with what it needs, nothing with what cannot be used; without any environment it runs."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal.environment import EXIT_HOPELESS
from tests.processes import ROOT

COMPLETE = {"VERIBOARD_PRODUCTION": "1", "SECRET_KEY": "a" * 60, "ALLOWED_HOSTS": "veriboard.example"}
FROM_OUTSIDE = (
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "DATABASE_URL",
    "BROKER_URL",
    "CACHE_URL",
    "STORAGE",
    "DJANGO_SETTINGS_MODULE",
    "GITHUB_CLIENT_ID",
    "GITHUB_CLIENT_SECRET",
)


def load_settings(var_dir: Path, code: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Load portal.settings in a fresh process with nothing but these variables, then run `code`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VERIBOARD_") and k not in FROM_OUTSIDE}
    return subprocess.run(
        [sys.executable, "-c", f"from portal import settings\n{code}"],
        env=environment | {"VERIBOARD_VAR_DIR": str(var_dir)} | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def assert_refused(outcome: subprocess.CompletedProcess[str], variable: str) -> None:
    """One sentence that names the variable, and nothing besides."""
    assert outcome.returncode == EXIT_HOPELESS, outcome.stderr
    assert outcome.stderr.startswith(f"The environment variable {variable} "), outcome.stderr
    assert outcome.stderr.count("\n") == 1, outcome.stderr


@pytest.mark.parametrize("value", [None, "", " "])
@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_production_does_not_start_without(missing: str, value: str | None, tmp_path: Path) -> None:
    given = {k: v for k, v in COMPLETE.items() if k != missing} | ({} if value is None else {missing: value})
    assert_refused(load_settings(tmp_path, **given), missing)


WRONG = {
    "VERIBOARD_MAX_ATTEMPTS": ("0", "three", "1.5"),
    "VERIBOARD_MAX_WEIGHTS_BYTES": ("0", "2 GiB"),
    "VERIBOARD_UPLOAD_KEEP_HOURS": ("1e99", "nan"),
    "VERIBOARD_QUOTA_PER_DAY": ("-1",),
    "VERIBOARD_LEASE_SECONDS": ("0", "1.5"),
    "VERIBOARD_PRODUCTION": ("maybe",),
    "VERIBOARD_DEVICES": ("cuda",),
    "VERIBOARD_BASE_URL": ("veriboard.example", "https://veriboard.example/portal"),
    "VERIBOARD_VAR_DIR": ("/dev/null", "/dev/null/var"),
    "VERIBOARD_WORK_DIR": ("/dev/null",),
    "VERIBOARD_SIGNING_KEY_FILE": ("/",),
    "ALLOWED_HOSTS": ("https://veriboard.example", "veriboard.example:8000", ","),
    "CSRF_TRUSTED_ORIGINS": ("veriboard.example",),
    "DATABASE_URL": ("board", "mysql://host/board", "postgresql://host:x/board", "postgresql://host"),
    "BROKER_URL": ("redis", "amqp://host", "redis://host:x/0", "rediss://host/0?ssl_cert_reqs=yes"),
    "CACHE_URL": ("memcached://host", "rediss://host/0?ssl_ca_certs=/ca.pem&ssl_cert_reqs=CERT_REQUIRED"),
    "STORAGE": ("S3", "s3"),
    "ACCOUNT_EMAIL_VERIFICATION": ("yes",),
    "EMAIL_BACKEND": ("smtp", "portal.nowhere.Backend"),
    "EMAIL_HOST": ("mail.example:25",),
    "EMAIL_SECURITY": ("ssl",),
    "EMAIL_PORT": ("0", "65536", "smtp"),
    "DEFAULT_FROM_EMAIL": ("portal",),
    "GITHUB_CLIENT_ID": ("id",),
    "API_RATE_ANON": ("600", "0/min", "600/fortnight"),
    "LOG_FORMAT": ("JSON",),
    "LOG_LEVEL": ("LOUD",),
}
# What one variable needs is another.
NEEDED = {("STORAGE", "s3"): "S3_BUCKET", ("GITHUB_CLIENT_ID", "id"): "GITHUB_CLIENT_SECRET"}


@pytest.mark.parametrize(("variable", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_value_that_cannot_be_used_is_refused_by_name(variable: str, value: str, tmp_path: Path) -> None:
    outcome = load_settings(tmp_path, **{variable: value})
    assert_refused(outcome, NEEDED.get((variable, value), variable))


@pytest.mark.parametrize("variable", ["VERIBOARD_DEBUG", "VERIBOARD_FETCH_ALLOW_PRIVATE"])
def test_what_is_for_development_is_refused_in_production(variable: str, tmp_path: Path) -> None:
    assert_refused(load_settings(tmp_path, **COMPLETE, **{variable: "1"}), variable)


def test_refusal_keeps_the_password_of_the_database(tmp_path: Path) -> None:
    outcome = load_settings(tmp_path, DATABASE_URL="postgresql://user:hidden@host:x/board")
    assert "hidden" not in outcome.stderr


def test_empty_variables_are_as_none(tmp_path: Path) -> None:
    code = "print(settings.MAX_ATTEMPTS, settings.VAR_DIR, settings.CELERY_BROKER_URL, settings.EMAIL_HOST)"
    empty = dict.fromkeys(("VERIBOARD_MAX_ATTEMPTS", "VERIBOARD_WORK_DIR", "BROKER_URL", "EMAIL_HOST", "STORAGE"), "")
    outcome = load_settings(tmp_path, code, **empty)
    assert outcome.stdout.split() == ["3", str(tmp_path), "filesystem://", "localhost"], outcome.stderr


def test_lists_may_have_spaces_and_origins_a_slash(tmp_path: Path) -> None:
    code = "print(settings.ALLOWED_HOSTS, settings.CSRF_TRUSTED_ORIGINS)"
    lists = {"ALLOWED_HOSTS": "a.example, .b.example", "CSRF_TRUSTED_ORIGINS": "https://a.example/, https://b.example"}
    outcome = load_settings(tmp_path, code, **lists)
    expected = "['a.example', '.b.example'] ['https://a.example', 'https://b.example']\n"
    assert outcome.stdout == expected, outcome.stderr


@pytest.mark.parametrize(
    "command", ["manage.py check", "-m celery -A portal worker --pool solo", "-m gunicorn portal.wsgi --workers 2"]
)
def test_every_process_says_it_at_its_start(command: str, tmp_path: Path) -> None:
    environment = os.environ | {"VERIBOARD_VAR_DIR": str(tmp_path), "VERIBOARD_MAX_ATTEMPTS": "none"}
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    outcome = subprocess.run(
        [sys.executable, *command.split()], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert_refused(outcome, "VERIBOARD_MAX_ATTEMPTS")


@pytest.mark.parametrize(
    ("database", "reason"), [("", "no such table: "), ("postgresql://nobody@127.0.0.1:1/none", "connection to server")]
)
def test_command_without_its_database_says_so_in_one_line(tmp_path: Path, database: str, reason: str) -> None:
    environment = os.environ | {"VERIBOARD_VAR_DIR": str(tmp_path), "DATABASE_URL": database}
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    command = [sys.executable, "manage.py", "lint_claims"]
    outcome = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith(f"The database cannot be used ({reason}")
    assert outcome.stderr.endswith("run manage.py migrate.\n")
    assert outcome.stderr.count("\n") == 1


def test_secret_that_a_full_disk_left_empty_is_drawn_anew(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    outcome = load_settings(tmp_path, "print(settings.SECRET_KEY)")
    assert len(outcome.stdout) > 50, outcome.stderr


def test_sqlite_elsewhere_waits_as_the_default_does(tmp_path: Path) -> None:
    code = "print(settings.DATABASES['default']['NAME'], settings.DATABASES['default']['OPTIONS']['timeout'])"
    outcome = load_settings(tmp_path, code, DATABASE_URL=f"sqlite:///{tmp_path}/other.db")
    assert outcome.stdout == f"{tmp_path}/other.db 20\n", outcome.stderr


def test_production_starts_with_what_it_needs(tmp_path: Path) -> None:
    outcome = load_settings(tmp_path, "print(settings.SECURE_SSL_REDIRECT, settings.DEBUG)", **COMPLETE)
    assert (outcome.returncode, outcome.stdout) == (0, "True False\n"), outcome.stderr


def test_secret_outside_production_is_drawn_once_and_kept_private(tmp_path: Path) -> None:
    first, second = (load_settings(tmp_path, "print(settings.SECRET_KEY)") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert len(first.stdout) > 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_a_killed_worker_is_noticed_within_half_a_minute(tmp_path: Path) -> None:
    outcome = load_settings(
        tmp_path, "print(settings.LEASE_SECONDS + settings.RECONCILE_SECONDS, settings.HEARTBEAT_SECONDS)"
    )
    noticed, heartbeat = map(float, outcome.stdout.split())
    assert 5 * heartbeat < noticed <= 28


def test_services_are_chosen_by_settings_alone(tmp_path: Path) -> None:
    outcome = load_settings(
        tmp_path,
        "from portal.settings import *\n"
        "print(DATABASES['default']['ENGINE'], CELERY_BROKER_URL, STORAGES['default']['BACKEND'])",
        DATABASE_URL="postgresql://user:word@db.example/veriboard",
        BROKER_URL="redis://broker.example/0",
        STORAGE="s3",
        S3_BUCKET="weights",
    )
    expected = "django.db.backends.postgresql redis://broker.example/0 portal.object_storage.ObjectStorage\n"
    assert outcome.stdout == expected, outcome.stderr


@pytest.mark.parametrize(("security", "expected"), [("starttls", "587 True False"), ("tls", "465 False True")])
def test_mail_account_goes_over_tls(security: str, expected: str, tmp_path: Path) -> None:
    code = "print(settings.EMAIL_PORT, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL, settings.EMAIL_HOST_PASSWORD)"
    given = {"EMAIL_HOST": "mail.example", "EMAIL_HOST_USER": "board", "EMAIL_HOST_PASSWORD": "hidden"}
    outcome = load_settings(tmp_path, code, EMAIL_SECURITY=security, **given)
    assert outcome.stdout == f"{expected} hidden\n", outcome.stderr
    refused = load_settings(tmp_path, **given)
    assert_refused(refused, "EMAIL_SECURITY")
    assert "hidden" not in refused.stderr
    assert load_settings(tmp_path, **given | {"EMAIL_HOST": "localhost"}).returncode == 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", "CERT_REQUIRED None"), ("?ssl_ca_certs=/ca.pem", "None /ca.pem"), ("?ssl_cert_reqs=none", "CERT_NONE None")],
)
def test_broker_over_tls_shows_its_certificate(query: str, expected: str, tmp_path: Path) -> None:
    code = (
        "from portal.celery import app\n"
        "told = app.connection_for_write().ssl\n"
        # Where nothing is said the client of Redis asks for one.
        "print(getattr(told.get('ssl_cert_reqs'), 'name', None), told.get('ssl_ca_certs'))"
    )
    outcome = load_settings(
        tmp_path, code, BROKER_URL=f"rediss://host/0{query}", DJANGO_SETTINGS_MODULE="portal.settings"
    )
    assert outcome.stdout.strip() == expected, outcome.stderr


def test_database_behind_a_pooler_is_asked_for_nothing_that_it_refuses(tmp_path: Path) -> None:
    address = "postgresql://user@pooler/board?sslmode=verify-full&sslrootcert=/ca.pem"
    code = (
        "database = settings.DATABASES['default']\nprint(database['DISABLE_SERVER_SIDE_CURSORS'], *database['OPTIONS'])"
    )
    outcome = load_settings(tmp_path, code, DATABASE_URL=address)
    # The first five are the client's own.
    patience = "connect_timeout keepalives_idle keepalives_interval keepalives_count tcp_user_timeout"
    assert outcome.stdout == f"True {patience} sslmode sslrootcert\n", outcome.stderr


def test_patience_with_a_database_is_what_its_address_says(tmp_path: Path) -> None:
    code = "print(settings.DATABASES['default']['OPTIONS']['connect_timeout'])"
    outcome = load_settings(tmp_path, code, DATABASE_URL="postgresql://user@host/board?connect_timeout=3")
    assert outcome.stdout.strip() == "3", outcome.stderr


def test_broker_that_takes_connections_and_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    """What is to be run is in the database: the message that did not go out is sent again by the scheduler."""
    code = "import django\ndjango.setup()\nfrom leaderboard.queue import send\nsend(1, 'cpu')\nprint('went on')"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        outcome = load_settings(tmp_path, code, BROKER_URL=address, DJANGO_SETTINGS_MODULE="portal.settings")
    assert outcome.stdout.splitlines()[-1] == "went on", outcome.stderr
    assert "reconcile will repeat it" in outcome.stderr


def test_workers_of_the_web_server_read_the_settings_of_their_own_code(tmp_path: Path) -> None:
    code = (
        "import runpy, sys\n"
        "runpy.run_path('gunicorn.conf.py')\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'portal'])"
    )
    assert load_settings(tmp_path, code).stdout == "[]\n"


def test_web_server_starts_where_its_account_has_no_home(tmp_path: Path) -> None:
    environment = os.environ | {"VERIBOARD_VAR_DIR": str(tmp_path), "HOME": "/dev/null"}
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    command = [sys.executable, "-m", "gunicorn", "portal.wsgi", "--bind", f"unix:{tmp_path}/socket"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        lines: list[str] = []
        while not lines or "Booting worker" not in lines[-1]:
            lines.append(server.stderr.readline())
            assert lines[-1], lines
        time.sleep(1)
        server.terminate()
        told = "".join(lines) + server.stderr.read()
    assert "Shutting down" in told
    assert "[ERROR]" not in told


def test_probes_in_production_need_no_proxy(tmp_path: Path) -> None:
    code = (
        "import django\n"
        "django.setup()\n"
        "from django.test import Client\n"
        "client = Client(headers={'host': 'veriboard.example'})\n"
        "print(*(client.get(path).status_code for path in ('/healthz', '/metrics/', '/')))"
    )
    outcome = load_settings(tmp_path, code, **COMPLETE, DJANGO_SETTINGS_MODULE="portal.settings")
    assert outcome.stdout.split() == ["200", "301", "301"], outcome.stderr


def test_links_in_production_lead_to_its_host(tmp_path: Path) -> None:
    code = "print(settings.BASE_URL, *settings.CSRF_TRUSTED_ORIGINS)"
    assert load_settings(tmp_path, code, **COMPLETE).stdout.split() == ["https://veriboard.example"] * 2
    anywhere = COMPLETE | {"ALLOWED_HOSTS": "*"}
    assert_refused(load_settings(tmp_path, code, **anywhere), "VERIBOARD_BASE_URL")
    told = load_settings(tmp_path, code, **anywhere, VERIBOARD_BASE_URL="https://board.example/")
    assert told.stdout.split() == ["https://board.example"] * 2, told.stderr
