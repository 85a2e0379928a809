"""Print the tables of docs/performance.md: `python -m bench [ROUNDS]`. Each module of this folder also runs alone."""

import os
import sys
from importlib.metadata import version

from bench import engine, statistics
from bench.machine import name_processor
from demo.words import draw_table, say

PACKAGES = ("torch", "onnxruntime", "numpy", "pillow")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    say(f"{name_processor()}, {os.cpu_count()} cores; {packages}; {rounds} rounds\n")
    rows = engine.measure(rounds)
    say("\n" + draw_table(engine.HEAD, rows) + "\n")
    say(draw_table(statistics.HEAD, statistics.measure()))


if __name__ == "__main__":
    main()
