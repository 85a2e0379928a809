"""Let faults loose on the portal and count what it lost: `python -m bench.chaos [SUBMISSIONS [FAULTS [SEED]]]`.

A private PostgreSQL and Redis are started for it, which takes Debian's packages. As root the workers' disk is a small
file system of its own, so that it can be filled; else that fault is left out.
"""

import importlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parents[2]
SUBMISSIONS, SEED = 60, 20261125
SCRATCH_MIB = 512
# Between what the portal guesses of a small network on these images and of a deep one, so that this one is cut.
PART_MULTIPLY_ADDS = "2e9"


def main() -> None:
    if "SERVICES_DIR" not in os.environ:
        services = str(ROOT / "scripts" / "services.sh")
        os.execvp("sh", ["sh", services, sys.executable, "-m", "bench.chaos", *sys.argv[1:]])
    given = [int(word) for word in sys.argv[1:]]
    submissions, faults, seed = (*given, *(SUBMISSIONS, max(1, given[0] // 2) if given else 30, SEED)[len(given) :])
    folder = Path(tempfile.mkdtemp(prefix="veriboard-chaos-"))
    scratch = folder / "scratch"
    scratch.mkdir()
    is_mounted = mount(scratch)
    port = find_port()
    set_up(folder, scratch, port)
    try:
        # The settings are read and the models exist only now.
        run = importlib.import_module("bench.chaos.session").run
        is_clean = run(folder, scratch if is_mounted else None, port, submissions, faults, seed)
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(scratch)], check=False)
    if is_clean:
        shutil.rmtree(folder)
    else:
        sys.exit(f"The logs are in {folder / 'logs'}.")


def mount(folder: Path) -> bool:
    """Put a small file system there, where we may."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    words = ["mount", "-t", "tmpfs", "-o", f"size={SCRATCH_MIB}m", "tmpfs", str(folder)]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def set_up(folder: Path, scratch: Path, port: int) -> None:
    """Let this process and its children use a portal of their own, with the product's own timings."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "VERIBOARD_VAR_DIR": str(folder / "var"),
        "VERIBOARD_WORK_DIR": str(scratch),
        "VERIBOARD_BASE_URL": f"http://127.0.0.1:{port}",
        "VERIBOARD_CHUNK_IMAGES": "16",
        "VERIBOARD_PART_MULTIPLY_ADDS": PART_MULTIPLY_ADDS,
        "VERIBOARD_QUOTA_PER_DAY": "1000000",
        "VERIBOARD_DEVICES": "cpu",
        "API_RATE_USER": "1000000/min",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        # What this process says is its table; what the portal's processes say goes to their logs.
        "LOG_LEVEL": "CRITICAL",
    }
    django.setup()
    del os.environ["LOG_LEVEL"]


def stop(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # Ends its processes and gives its file system back.
    signal.signal(signal.SIGTERM, stop)
    main()
