"""What all tests share. What needs Django is in tests/portal_fixtures.py: the engine's tests run without it."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, however busy the machine. --hypothesis-profile default draws new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

pytest_plugins = ["tests.portal_fixtures"] if find_spec("django") else []

DATA_DIR = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data files that lies beside a checkout, where there is one."""
    if not DATA_DIR.is_dir():
        pytest.skip(f"the real data files are not there ({DATA_DIR})")
    return DATA_DIR


def pytest_unconfigure(config: pytest.Config) -> None:
    run_dir = os.environ.get("VERIBOARD_TEST_DIR")
    if run_dir and not hasattr(config, "workerinput"):
        shutil.rmtree(run_dir, ignore_errors=True)
