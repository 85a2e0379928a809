"""Every architecture that can be evaluated, with its published protocol and size, without importing any of them.

Standard library only: the web side offers and checks names from here. `catalogue.json` is written by
`python -m evaluation.engine architectures --write-catalogue`, and a test holds it against the installed libraries.
"""

import difflib
import functools
import heapq
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from evaluation.contract import Protocol

FILE = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True)
class Architecture:
    """A name with the number of its parameters and its published protocol."""

    name: str
    parameters: int
    protocol: Protocol


@functools.cache
def load() -> dict[str, Architecture]:
    rows = json.loads(FILE.read_text())
    return {
        name: Architecture(name, parameters, Protocol(resize, crop, interpolation, tuple(mean), tuple(std), crop_mode))
        for name, (parameters, resize, crop, interpolation, mean, std, crop_mode) in rows.items()
    }


def find(name: str) -> Architecture | None:
    """Return the architecture of exactly this name."""
    return load().get(name)


def names() -> list[str]:
    """Return all names, sorted."""
    return sorted(load())


def nearest(name: str, count: int = 3) -> list[str]:
    """Return the known names most like this one, whatever their family and signs: `ResNet-50` finds both resnet50."""
    family, _, short = name.rpartition("/")
    wanted = simplify(short)

    def likeness(known: str) -> tuple[float, bool, bool, str]:
        theirs, _, own = known.rpartition("/")
        return -compare(simplify(own), wanted), theirs != family, theirs != "torchvision", known

    return heapq.nsmallest(count, names(), key=likeness)


def compare(one: str, other: str) -> float:
    """Return how alike two names are; what they begin with counts twice, as it names the kind."""
    begin = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return difflib.SequenceMatcher(None, one, other).ratio() + begin / max(len(one), len(other), 1)


def simplify(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum())
