"""Put load on the production server of docs/operations.md: `python -m bench.load [SECONDS]`, 30 without it.

A private PostgreSQL and Redis are started for it, which takes Debian's packages, as does wrk. Ends by itself.
"""

import importlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import django

from bench.chaos.__main__ import ROOT, find_port, stop

SECONDS = 30


def main() -> None:
    if shutil.which("wrk") is None:
        sys.exit("wrk puts the load on, and is not here: apt-get install wrk")
    if "SERVICES_DIR" not in os.environ:
        services = str(ROOT / "scripts" / "services.sh")
        os.execvp("sh", ["sh", services, sys.executable, "-m", "bench.load", *sys.argv[1:]])
    folder, port = Path(tempfile.mkdtemp(prefix="veriboard-load-")), find_port()
    set_up(folder, port)
    # The settings are read and the models exist only now.
    is_good = importlib.import_module("bench.load.session").run(
        folder, port, int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    )
    if is_good:
        shutil.rmtree(folder)
    else:
        sys.exit(f"Not within the targets; the server's log is {folder / 'web.log'}")


def set_up(folder: Path, port: int) -> None:
    """Let this process and the server use the production settings, with wider limits for the one address."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "VERIBOARD_PRODUCTION": "1",
        "VERIBOARD_VAR_DIR": str(folder / "var"),
        "VERIBOARD_BASE_URL": f"https://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "API_RATE_ANON": "10000000/min",
        "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        "LOG_LEVEL": "WARNING",
    }
    django.setup()


if __name__ == "__main__":
    # Ends its processes.
    signal.signal(signal.SIGTERM, stop)
    main()
