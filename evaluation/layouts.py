"""How tensors are named in files: what training scripts leave around and before the names, and published old layouts.

Standard library only, on names and shapes: the engine applies it to tensors, the web side to what the static check
saw. A rule of `LAYOUTS` holds for the architectures that it names, and what it did is told with the run. Where a file
holds the new name too, nothing is renamed, and the file is refused for the name that is not known.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

# Averaged weights come first: a checkpoint that holds them beside the raw ones is published for them.
AVERAGED = re.compile(r"(.*_)?(ema|swa|averaged?)(_.*)?")
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "module")
# Two parts that are one network: mmpretrain's, and others', classifiers.
HALVES = ("backbone.", "head.")
MAX_DEPTH = 6
# A network holds no less than this share of a checkpoint's tensors: averages and an optimiser's state lie beside it.
LEAST_SHARE = 0.1
MAX_PLACES = 30

Place = tuple[str, ...]
Value = TypeVar("Value")


def unwrap(shapes: Shapes) -> Iterator[Shapes]:
    """Yield what may be the network's tensors, likeliest first: all of them, or those inside one of the wrappers."""
    return (take(shapes, place) for place in list_places(shapes))


def list_places(shapes: Shapes) -> list[Place]:
    """Return what may stand before the names of a network's tensors, likeliest first.

    Training scripts put the network into dictionaries and other modules, under names of their own; the static check
    joins them all with dots. So every beginning that many names share may be it, those that are known to be first.
    """
    places, waiting = list[Place](), [("", list(shapes))]
    least = LEAST_SHARE * len(shapes)
    while waiting and len(places) < MAX_PLACES:
        prefix, names = waiting.pop(0)
        places.append((prefix,))
        groups = split(prefix, names)
        if len(groups) == len(HALVES) and all(f"{prefix}{half}" in groups for half in HALVES):
            places.append(tuple(f"{prefix}{half}" for half in HALVES))
        if prefix.count(".") < MAX_DEPTH:
            large = sorted((name for name, inside in groups.items() if len(inside) >= least), key=rate)
            # Deep before wide: averaged weights come first however deep they lie.
            waiting = [(name, groups[name]) for name in large] + waiting
    return places


def split(prefix: str, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names by what they have up to their next dot."""
    groups: dict[str, list[str]] = {}
    for name in names:
        if (dot := name.find(".", len(prefix))) >= 0:
            groups.setdefault(name[: dot + 1], []).append(name)
    return groups


def rate(prefix: str) -> int:
    """Return 0 for what is named after averaged weights, more for other wrappers, most for what is none."""
    last = prefix.rstrip(".").rpartition(".")[2]
    if AVERAGED.fullmatch(last):
        return 0
    return 1 + (WRAPPERS.index(last) if last in WRAPPERS else len(WRAPPERS))


def is_known(place: Place) -> bool:
    """Tell whether training scripts are known to use each of the names."""
    return all(rate(part) <= len(WRAPPERS) for part in place[0].split(".")[:-1])


def take(values: Mapping[str, Value], place: Place) -> dict[str, Value]:
    """Return what stands at the place, by its names there."""
    return {
        name.removeprefix(prefix): value
        for name, value in values.items()
        for prefix in place
        if name.startswith(prefix)
    }


def keep(shape: Shape) -> Shape:
    return shape


def widen(shape: Shape) -> Shape:
    """Return the shape of an (out, in) matrix as the 1×1 convolution (out, in, 1, 1) that it is."""
    return (*shape, 1, 1) if len(shape) == 2 else shape


def flatten_row(shape: Shape) -> Shape:
    """Return a (1, n) row as (n,)."""
    return shape[1:] if len(shape) == 2 and shape[0] == 1 else shape


@dataclass(frozen=True)
class Layout:
    """A rule. `architectures`, `tensors`: patterns of whole names; `name`: the tensor's name in the library."""

    meant: str
    architectures: str
    tensors: str
    name: str = r"\g<0>"
    reshape: Callable[[Shape], Shape] = keep


LAYOUTS = (
    Layout(
        "DenseNet's names before 2018 (norm.1, now norm1)",
        r"(torchvision|timm)/densenet.*",
        r"(.*\.denselayer\d+\.(?:norm|conv))\.([12]\..*)",
        r"\1\2",
    ),
    Layout("Cadene's name of the classifier", "timm/inception_resnet_v2", r"last_linear\.(weight|bias)", r"classif.\1"),
    Layout("Cadene's name of the classifier", "timm/legacy_xception", r"last_linear\.(weight|bias)", r"fc.\1"),
    Layout(
        "pointwise convolutions as matrices",
        "timm/legacy_xception",
        r".*\.pointwise\.weight",
        reshape=widen,
    ),
    Layout("normalisations as rows", "own/bn_inception", r".*_bn\.(weight|bias|running_.*)", reshape=flatten_row),
    Layout("the classifier's older name", "own/bn_inception", r"fc\.(weight|bias)", r"last_linear.\1"),
)


@dataclass(frozen=True)
class Adopted:
    """For each name in the file its name and shape in the library, and which rules that took."""

    places: Mapping[str, tuple[str, Shape]]
    rules: tuple[str, ...]

    @property
    def shapes(self) -> Shapes:
        return dict(self.places.values())


def adopt(shapes: Shapes, architecture: str) -> Adopted:
    """Return where the file's tensors belong in the architecture."""
    places = {name: (name, shape) for name, shape in shapes.items()}
    rules: list[str] = []
    for layout in LAYOUTS:
        if re.fullmatch(layout.architectures, architecture):
            changed = apply_layout(layout, places)
            rules += [layout.meant] if changed != places else []
            places = changed
    return Adopted(places, tuple(rules))


def apply_layout(layout: Layout, places: Mapping[str, tuple[str, Shape]]) -> dict[str, tuple[str, Shape]]:
    taken = {name for name, _shape in places.values()}
    found = dict(places)
    for old, (name, shape) in places.items():
        if match := re.fullmatch(layout.tensors, name):
            new = match.expand(layout.name)
            found[old] = name if new in taken else new, layout.reshape(shape)
    return found
