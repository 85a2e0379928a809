"""How tensors are named in files: what training scripts leave around and before the names, and published old layouts.

Standard library only, on names and shapes: the engine applies it to tensors, the web side to what the static check
saw. A rule of `LAYOUTS` holds for the architectures that it names, and what it did is told with the run. Where a file
holds the new name too, nothing is renamed, and the file is refused for the name that is not known.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

# In this order: averaged weights are what a checkpoint that holds them is published for.
WRAPPERS = (
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "ema",
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "module",
)
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "backbone.", "encoder.")
MAX_DEPTH = 4


def find_prefix(names: Iterable[str]) -> str:
    """Return what wrappers such as DataParallel and torch.compile put before every name, "" for nothing."""
    rest, found = list(names), ""
    while rest and (prefix := next((p for p in PREFIXES if all(name.startswith(p) for name in rest)), None)):
        found += prefix
        rest = [name.removeprefix(prefix) for name in rest]
    return found


def unwrap(shapes: Shapes) -> Iterator[Shapes]:
    """Yield what may be the state dict, likeliest first: all tensors, or those inside one of the known wrappers.

    The static check joins nested names with dots, which a module's own name may hold too; so none is ruled out.
    """
    waiting = [(shapes, 0)]
    while waiting:
        inside, depth = waiting.pop(0)
        yield strip(inside)
        wrappers = (name for name in WRAPPERS if depth < MAX_DEPTH)
        found = ({k.partition(".")[2]: v for k, v in inside.items() if k.startswith(f"{w}.")} for w in wrappers)
        waiting += [(each, depth + 1) for each in found if each]


def strip(shapes: Shapes) -> Shapes:
    prefix = find_prefix(shapes)
    return {name.removeprefix(prefix): shape for name, shape in shapes.items()} if prefix else shapes


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
