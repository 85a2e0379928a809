"""Write `evaluation/tensors.zip`: names and shapes of every architecture's tensors, by which a file is recognised."""

import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from evaluation import recognition
from evaluation.engine.architectures import build_empty, list_names
from evaluation.layouts import Shapes

# A width that no published network has.
ODD_CLASSES = 7
# The archive is the same for the same tensors, whenever it is written.
WRITTEN_AT = (1980, 1, 1, 0, 0, 0)
Row = tuple[str, str, int, str]


def read_tensors(name: str, classes: int | None = None) -> dict[str, tuple[int, ...]] | None:
    """Return names and shapes of an architecture's state, None where the library cannot build it as it is."""
    try:
        module = build_empty(name, classes)
    # timm lists some names whose construction needs an extra package, or that have no last layer to change.
    except Exception:
        return None
    return {tensor: tuple(value.shape) for tensor, value in module.state_dict().items()}


def find_head(published: Shapes, other: Shapes | None) -> tuple[str, ...]:
    """Return the tensors that are as wide as there are classes: those that change with their number."""
    found = (name for name, shape in published.items() if other and shape and other.get(name) != shape)
    return tuple(sorted(name for name in found if not recognition.AUXILIARY.fullmatch(name)))


def name_block(architecture: str) -> str:
    """Return the member that holds an architecture with its kin, which compress well together."""
    family, _, short = architecture.partition("/")
    kind = re.match(r"[a-z]+", short)
    return f"{family}/{kind.group() if kind else short}.json"


def write_tensors(path: Path, names: Iterable[str] | None = None) -> None:
    """Describe every architecture and put the archive in place."""
    blocks: dict[str, dict[str, Shapes]] = defaultdict(dict)
    heads: dict[tuple[str, ...], int] = {}
    rows: dict[str, Row] = {}
    for name in names or list_names():
        published = read_tensors(name)
        if published is None:
            continue
        head = find_head(published, read_tensors(name, ODD_CLASSES))
        digest = recognition.digest(recognition.write_lines(published, head))
        sketch = "".join(recognition.draw_sketch(recognition.write_lines(published, ())))
        rows[name] = (digest, sketch, heads.setdefault(head, len(heads)), name_block(name))
        blocks[name_block(name)][name] = published
    write_archive(path, blocks, {"heads": list(heads), "architectures": rows})
    print(f"tensors of {len(rows)} architectures")


def write_archive(path: Path, blocks: Mapping[str, Mapping[str, Shapes]], index: Mapping[str, object]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {recognition.INDEX: index, **dict(sorted(blocks.items()))}.items():
            member = zipfile.ZipInfo(name, WRITTEN_AT)
            member.compress_type = zipfile.ZIP_LZMA
            archive.writestr(member, json.dumps(content, separators=(",", ":")))
