"""Ask the engine, as a child process, to draw a board's card. Standard library only."""

import importlib.util
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60.0
PNG = b"\x89PNG\r\n"


def can_draw() -> bool:
    """Tell whether this installation has what the engine draws with, without loading it."""
    return importlib.util.find_spec("PIL") is not None


def draw_card(card: dict[str, Any]) -> bytes | None:
    """Return the PNG; None where it cannot be drawn here, which is logged: a board does without."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
    command = [sys.executable, "-m", "evaluation.engine.cards"]
    said = json.dumps(card).encode()
    try:
        done = subprocess.run(
            command, input=said, env=environment, capture_output=True, timeout=TIMEOUT_SECONDS, check=True
        )
    except (subprocess.SubprocessError, OSError) as error:
        logger.warning("no card from the engine: %s %s", error, getattr(error, "stderr", "") or "")
        return None
    return done.stdout if done.stdout.startswith(PNG) else None
