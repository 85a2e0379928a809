"""Work done by a thread a processor, a few items ahead of who takes the results, in the items' order.

For work that lets go of the interpreter: Pillow decodes and resizes so, and hashlib digests.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

# Items that wait for each thread: enough to keep it at work; more would only lie in memory.
AHEAD = 4


def work_ahead(work: Callable[[A], B], items: Iterable[A], most: int | None = None) -> Generator[B, None, None]:
    """Yield the results in the items' order. `most`: threads at most. Raises: what the work raises, in its turn."""
    threads = min(os.cpu_count() or 1, most or sys.maxsize)
    running: deque[Future[B]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            running.append(pool.submit(work, item))
            if len(running) > AHEAD * threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
