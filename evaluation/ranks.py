"""Ask the engine, as a child process, for the rank intervals of a board that is too large to test here.

Standard library only: the control process that publishes results holds no arrays.
"""

import importlib.util
import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60.0
# A worker has its other cores at work, and the engine's ranks need one.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def is_engine_there() -> bool:
    """Tell whether this installation has what the engine needs, without loading it."""
    return importlib.util.find_spec("numpy") is not None


def find_rank_intervals(outcomes: Sequence[str]) -> list[tuple[int, int]] | None:
    """Return best and worst rank of each of the outcomes, as `evaluation.paired` packs them.

    None where there is no engine here, or it fails, which is logged: a publication never waits for it in vain.
    """
    if not is_engine_there():
        return None
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= ONE_THREAD | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    # Not the command line, which takes twice as long to load.
    command = [sys.executable, "-m", "evaluation.engine.ranks"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps({"outcomes": list(outcomes)}),
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
        intervals = [(int(low), int(high)) for low, high in json.loads(done.stdout)["intervals"]]
    except (subprocess.SubprocessError, OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("no rank intervals from the engine: %s %s", error, getattr(error, "stderr", "") or "")
        return None
    return intervals if len(intervals) == len(outcomes) else None
