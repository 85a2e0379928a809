"""Measure the web side: `python -m bench.web [LARGEST]`, a million entries without it.

Without DATABASE_URL a private PostgreSQL and Redis are started for it, which takes Debian's packages.
"""

import importlib
import os
import sys
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent
SIZE = 1_000_000


def main() -> None:
    if "DATABASE_URL" not in os.environ:
        services = str(ROOT / "scripts" / "services.sh")
        os.execvp("sh", ["sh", services, sys.executable, "-m", "bench.web", *sys.argv[1:]])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    # Nobody is slowed down here.
    os.environ.setdefault("API_RATE_ANON", "1000000/min")
    django.setup()
    # The models exist only now.
    importlib.import_module("bench.pages").main(int(sys.argv[1]) if len(sys.argv) > 1 else SIZE)


if __name__ == "__main__":
    main()
