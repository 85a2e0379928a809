"""Which architecture a file's tensors are of, told from their names and shapes alone.

Standard library only. `tensors.zip` holds for every architecture its tensors as published, and in `index.json` a digest
of them that leaves out the counters of normalisation layers, the heads that only training uses, and how wide the last
layer is. It is written by `python -m evaluation.engine architectures --write-catalogue`.
"""

import functools
import hashlib
import heapq
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation import layouts
from evaluation.layouts import LAYOUTS, Shapes

FILE = Path(__file__).with_name("tensors.zip")
INDEX = "index.json"
SHOWN = 3
SKETCH = 24
# More tensors than twice the most that a published network has are those of several.
LARGEST = 5_000
# Two networks that share less than this of their tensors are no kin.
KINSHIP = 0.25
TEACHER, STUDENT = "teacher", "student"
# Old files lack the counters, which evaluation does not read; the heads that only training uses are taken off.
COUNTER = re.compile(r"(.*\.)?num_batches_tracked")
AUXILIARY = re.compile(r"(AuxLogits|aux1|aux2)\..*")


@dataclass(frozen=True)
class Index:
    """Digests by architecture; `heads`: each set of tensors that is some architecture's last layer."""

    digests: Mapping[str, str]
    sketches: Mapping[str, frozenset[str]]
    heads: tuple[tuple[str, ...], ...]
    head_of: Mapping[str, int]
    block_of: Mapping[str, str]

    @functools.cached_property
    def by_digest(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self.digests, key=rate_name):
            found[self.digests[name]].append(name)
        return {digest: tuple(names) for digest, names in found.items()}


def rate_name(name: str) -> tuple[int, int, str]:
    """Return the key that puts the plainest name first: of several with the very same tensors, the likeliest meant."""
    family = name.partition("/")[0]
    return ("torchvision", "cifar", "timm", "own").index(family), len(name), name


@functools.cache
def load() -> Index:
    with zipfile.ZipFile(FILE) as archive:
        data = json.loads(archive.read(INDEX))
    rows: dict[str, Any] = data["architectures"]
    return Index(
        digests={name: row[0] for name, row in rows.items()},
        sketches={name: cut_sketch(row[1]) for name, row in rows.items()},
        heads=tuple(tuple(head) for head in data["heads"]),
        head_of={name: row[2] for name, row in rows.items()},
        block_of={name: row[3] for name, row in rows.items()},
    )


def cut_sketch(text: str) -> frozenset[str]:
    return frozenset(text[start : start + 8] for start in range(0, len(text), 8))


@functools.lru_cache(maxsize=8)
def read_block(block: str) -> Mapping[str, Any]:
    with zipfile.ZipFile(FILE) as archive:
        found: dict[str, Any] = json.loads(archive.read(block))
    return found


def read_shapes(architecture: str) -> Shapes | None:
    """Return the tensors of an architecture as published, None where it is unknown."""
    block = load().block_of.get(architecture)
    if block is None:
        return None
    return {name: tuple(shape) for name, shape in read_block(block)[architecture].items()}


def drop(pattern: re.Pattern[str], shapes: Shapes) -> Shapes:
    return {name: shape for name, shape in shapes.items() if not pattern.fullmatch(name)}


def write_lines(shapes: Shapes, head: Iterable[str]) -> list[str]:
    """Return a line for each tensor that counts, in order; of the head's the width is left open."""
    open_names = set(head)
    return sorted(
        f"{name} {','.join(map(str, ('*', *shape[1:]) if name in open_names and shape else shape))}"
        for name, shape in drop(AUXILIARY, drop(COUNTER, shapes)).items()
    )


def digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def draw_sketch(lines: Iterable[str]) -> list[str]:
    """Return the smallest digests of the lines: two sketches share about as much as the lines do.

    Source: A. Broder, "On the resemblance and containment of documents", 1997.
    """
    return heapq.nsmallest(SKETCH, {hashlib.sha256(line.encode()).hexdigest()[:8] for line in lines})


def recognise(shapes: Shapes) -> tuple[str, ...]:
    """Return every architecture whose tensors these are, the plainest name first; wrappers and prefixes do not count.

    Several have the very same tensors: libraries share networks, and some differ in what has no parameters.
    """
    places = (inside for inside in layouts.unwrap(shapes) if len(inside) <= LARGEST)
    return next((found for inside in places if (found := find_exact(inside))), ())


def find_exact(shapes: Shapes) -> tuple[str, ...]:
    found = set(look_up(shapes))
    for pattern in {layout.architectures for layout in LAYOUTS}:
        example = next(name for name in load().digests if re.fullmatch(pattern, name))
        if (adopted := layouts.adopt(shapes, example)).rules:
            found |= {name for name in look_up(adopted.shapes) if re.fullmatch(pattern, name)}
    return tuple(sorted(found, key=rate_name))


def look_up(shapes: Shapes) -> tuple[str, ...]:
    index = load()
    found: list[str] = []
    for number, head in enumerate(index.heads):
        if all(name in shapes for name in head):
            names = index.by_digest.get(digest(write_lines(shapes, head)), ())
            found += [name for name in names if index.head_of[name] == number]
    return tuple(found)


def find_nearest(shapes: Shapes, count: int = SHOWN) -> tuple[str, ...]:
    """Return the architectures that share most tensors with these, best first; none where all are strangers."""
    best: dict[str, float] = {}
    for inside in layouts.unwrap(shapes):
        sketch = frozenset(draw_sketch(write_lines(inside, ())))
        kin = {name: other for name, other in load().sketches.items() if not sketch.isdisjoint(other)}
        for name, other in kin.items():
            shared = resemble(sketch, other)
            if shared >= KINSHIP and shared > best.get(name, 0):
                best[name] = shared
    return tuple(heapq.nsmallest(count, best, key=lambda name: (-best[name], rate_name(name))))


def resemble(one: frozenset[str], other: frozenset[str]) -> float:
    smallest = heapq.nsmallest(SKETCH, one | other)
    return sum(each in one and each in other for each in smallest) / max(1, len(smallest))


def find_misfit(shapes: Shapes, architecture: str) -> str:
    """Return one sentence where the file does not fit the architecture: first differences, and what fits; else ""."""
    published = read_shapes(architecture)
    if published is None:
        return ""
    if rivals := find_rivals(shapes, architecture):
        return rivals
    inside = layouts.take(shapes, find_place(shapes, architecture))
    misfit = hold_against(published, layouts.adopt(inside, architecture).shapes, architecture)
    return f"{misfit}{propose(shapes, architecture)}" if misfit else ""


def find_place(shapes: Shapes, architecture: str) -> layouts.Place:
    """Return the first place in the file where the architecture's tensors are, or where most of them are."""
    published, places = read_shapes(architecture), layouts.list_places(shapes)
    # Of strangers' tensors the likeliest network lies deepest in what training scripts are known to use.
    best, most = [place for place in places if layouts.is_known(place)][-1], 0
    if published is None:
        return best
    for place in places:
        given = layouts.adopt(layouts.take(shapes, place), architecture).shapes
        if not hold_against(published, given, architecture):
            return place
        if (shared := len(published.keys() & given.keys())) > most:
            best, most = place, shared
    return best


def find_rivals(shapes: Shapes, architecture: str) -> str:
    """Return one sentence where a student and its teacher are both of the architecture, else "".

    A teacher may be the average of its student, which is published then, or another network that the student is.
    """
    published = read_shapes(architecture)
    if published is None or not any(f".{TEACHER}." in f".{name}" for name in shapes):
        return ""
    words = set[str]()
    for place in layouts.list_places(shapes):
        given = layouts.adopt(layouts.take(shapes, place), architecture).shapes
        if not hold_against(published, given, architecture):
            words.update(place[0].split("."))
    both = f"The file holds a student and a teacher that both fit {architecture}; save the one that is to be evaluated."
    return both if {TEACHER, STUDENT} <= words else ""


def hold_against(published: Shapes, given: Shapes, architecture: str) -> str:
    """Return one sentence where these tensors, by the library's names, are not the architecture's; else ""."""
    if any(AUXILIARY.fullmatch(name) for name in published):
        published, given = drop(AUXILIARY, published), drop(AUXILIARY, given)
    return describe_misfit(given, widen_head(published, given), architecture)


def widen_head(published: Shapes, given: Shapes) -> Shapes:
    """Return the published tensors with the last layer as wide as the file's, where it alone differs in width."""
    widths = find_widths(published, given)
    if len(widths) != 1:
        return published
    old, new = widths.pop()
    return {
        name: (new, *shape[1:]) if shape and shape[0] == old and given.get(name) == (new, *shape[1:]) else shape
        for name, shape in published.items()
    }


def find_widths(published: Shapes, given: Shapes) -> set[tuple[int, int]]:
    """Return (published, given) first lengths of the tensors that differ in these alone."""
    return {
        (shape[0], given[name][0])
        for name, shape in published.items()
        if shape and name in given and given[name] != shape
        if len(given[name]) == len(shape) and given[name][1:] == shape[1:]
    }


def count_outputs(shapes: Shapes, architecture: str) -> int | None:
    """Return how many outputs the file's last layer has, None where that cannot be told."""
    index = load()
    number = index.head_of.get(architecture)
    if number is None:
        return None
    for inside in layouts.unwrap(shapes):
        given = layouts.adopt(inside, architecture).shapes
        widths = {given[name][0] for name in index.heads[number] if given.get(name)}
        if len(widths) == 1:
            return widths.pop()
    return None


def describe_misfit(given: Shapes, wanted: Shapes, architecture: str) -> str:
    """Return one sentence with the first differences both ways, "" where the tensors are the architecture's."""
    given, wanted = drop(COUNTER, given), drop(COUNTER, wanted)
    differences = {
        "missing": [name for name in wanted if name not in given],
        "not known": [name for name in given if name not in wanted],
        "shape": [f"{n} is {given[n]}, not {wanted[n]}" for n in wanted if n in given and given[n] != wanted[n]],
    }
    parts = [f"{what}: {shorten(names)}" for what, names in differences.items() if names]
    return f"The file does not fit {architecture}: {'; '.join(parts)}." if parts else ""


def shorten(names: list[str]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def propose(shapes: Shapes, declared: str) -> str:
    """Return a sentence naming the architectures that have just these tensors, or others that share most."""
    if fitting := recognise(shapes):
        return f" It fits {' or '.join(fitting[:SHOWN])}."
    near = [name for name in find_nearest(shapes, SHOWN + 1) if name != declared][:SHOWN]
    return f" The nearest are {', '.join(near)}." if near else ""
