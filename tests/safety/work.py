"""How much a refusal costs, counted and not timed: a busy machine changes nothing about it."""

import cProfile
import tracemalloc
from pathlib import Path

import pytest

from evaluation.contract import InputFault
from evaluation.static_check import check

# Of functions, Python's and C's: half a second of processor time at most.
MAX_CALLS = 4_000_000
MAX_MEMORY = 50 * 2**20


def refuse(path: Path) -> str:
    """Return the sentence with which the file is refused after little work and with little memory."""
    profile = cProfile.Profile()
    with pytest.raises(InputFault):
        profile.runcall(check, path)
    assert sum(entry.callcount for entry in profile.getstats()) < MAX_CALLS
    # Once more, as each of the two ways to count slows the other down.
    tracemalloc.start()
    try:
        with pytest.raises(InputFault) as refused:
            check(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MAX_MEMORY
    return str(refused.value)


def hold_to_little_work(path: Path, content: bytes) -> None:
    """Assert that a file of this content is refused with little work, in one sentence that can be printed."""
    path.write_bytes(content)
    sentence = refuse(path)
    assert sentence.isprintable()
    assert len(sentence) < 400
