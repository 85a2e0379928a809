"""Ask the engine, as a child process, for the rank intervals of boards that are too large to test here.

Standard library only: the control process that publishes results holds no arrays.
"""

import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60.0
# A worker has its other cores at work, and the engine's ranks need one.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def is_engine_there() -> bool:
    """Tell whether this installation has what the engine needs, without loading it."""
    return importlib.util.find_spec("numpy") is not None


def find_rank_intervals(boards: Sequence[Sequence[str]]) -> list[list[tuple[int, int]] | None]:
    """Return best and worst rank of each of the outcomes, as `evaluation.paired` packs them, of each of the boards.

    None for a board whose outcomes cannot be compared, and for all where there is no engine here, or it fails, which is
    logged: a publication never waits for it in vain.
    """
    if not boards or not is_engine_there():
        return [None] * len(boards)
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= ONE_THREAD | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    # Not the command line, which takes twice as long to load; and one process, which loads once.
    command = [sys.executable, "-m", "evaluation.engine.ranks"]
    try:
        # A file, as a pipe hands megabytes over in thousands of turns.
        with tempfile.TemporaryFile("w+", encoding="ascii") as file:
            json.dump([{"outcomes": list(board)} for board in boards], file)
            file.seek(0)
            done = subprocess.run(
                command,
                stdin=file,
                env=environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=True,
            )
        found = [
            [(int(low), int(high)) for low, high in answer["intervals"]] if answer else None
            for answer in json.loads(done.stdout)
        ]
    except (subprocess.SubprocessError, OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("no rank intervals from the engine: %s %s", error, getattr(error, "stderr", "") or "")
        return [None] * len(boards)
    return found
