"""Production starts only with what it needs; without any environment the portal runs as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    )


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_production_does_not_start_without(missing: str, tmp_path: Path) -> None:
    outcome = load_settings(tmp_path, **{k: v for k, v in COMPLETE.items() if k != missing})
    assert outcome.returncode != 0
    assert missing in outcome.stderr.splitlines()[-1]


def test_production_starts_with_what_it_needs(tmp_path: Path) -> None:
    outcome = load_settings(tmp_path, "print(settings.SECURE_SSL_REDIRECT, settings.DEBUG)", **COMPLETE)
    assert (outcome.returncode, outcome.stdout) == (0, "True False\n"), outcome.stderr


def test_secret_outside_production_is_drawn_once_and_kept_private(tmp_path: Path) -> None:
    first, second = (load_settings(tmp_path, "print(settings.SECRET_KEY)") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert len(first.stdout) > 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_number_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    outcome = load_settings(tmp_path, VERIBOARD_MAX_ATTEMPTS="0")
    assert outcome.returncode != 0
    assert "VERIBOARD_MAX_ATTEMPTS" in outcome.stderr.splitlines()[-1]


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
    expected = "django.db.backends.postgresql redis://broker.example/0 storages.backends.s3.S3Storage\n"
    assert outcome.stdout == expected, outcome.stderr
