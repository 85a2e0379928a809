"""What the processor could do at best: its rate of matrix products, and an architecture's multiply-adds.

Run as `python -m bench.floor ARCHITECTURE SIDE`; prints one JSON object.
"""

import json
import statistics
import sys
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from evaluation.engine.architectures import build

SIDE, ROUNDS = 2048, 15


def measure_rate() -> float:
    """Return the float operations a second of a large float32 matrix product, on all threads."""
    first, second = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        first @ second
        seconds.append(time.perf_counter() - started)
    return 2 * SIDE**3 / statistics.median(seconds)


@torch.inference_mode()
def count_operations(architecture: str, side: int) -> int:
    """Return the float operations of one image, two for each multiply-add."""
    with FlopCounterMode(display=False) as counter:
        build(architecture).eval()(torch.zeros(1, 3, side, side))
    return int(counter.get_total_flops())


if __name__ == "__main__":
    operations = count_operations(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"rate": measure_rate(), "operations": operations}))
