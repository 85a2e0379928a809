"""Which classes each image has: from folder names or from a CSV."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from evaluation.contract import InputFault

# Of many images that are not there, so many are named.
NAMED = 3
# Longer ones are codes, not places.
LONGEST_NUMBER = 10


@dataclass(frozen=True)
class Labels:
    """The classes of each image that takes part, by its path.

    `difficult`: those of which an image has difficult objects only. `sources`: what the labels were read from, by name;
    other labels are another dataset.
    """

    present: Mapping[str, Collection[str]]
    class_names: tuple[str, ...]
    difficult: Mapping[str, Collection[str]] = field(default_factory=dict)
    has_several: bool = False
    sources: Mapping[str, bytes] = field(default_factory=dict)

    def find_label(self, path: str, classes: Mapping[str, int]) -> int | tuple[int, ...]:
        """Return the class's index; of several labels an image 1, 0 (difficult only) or -1 for each class."""
        present, difficult = self.present[path], self.difficult.get(path, ())
        if not self.has_several:
            return classes[next(iter(present))]
        return tuple(1 if name in present else 0 if name in difficult else -1 for name in classes)


def read_folders(source: Path, images: Collection[str]) -> Labels:
    """Return the class of each path: its first folder below the one that all images share. Raises: InputFault."""
    parts = {path: PurePosixPath(path).parts for path in images}
    depth = 0
    while len({p[depth] for p in parts.values() if len(p) > depth + 2}) == 1 and all(
        len(p) > depth + 2 for p in parts.values()
    ):
        depth += 1
    loose = next((path for path, p in parts.items() if len(p) < depth + 2), None)
    if loose is not None:
        raise InputFault(
            f"{loose} in {source.name} lies in no class folder; put each image into a folder of its class."
        )
    present = {path: (p[depth],) for path, p in parts.items()}
    return Labels(present, tuple(sorted({name for (name,) in present.values()})))


def read_csv(file: Path, images: Collection[str]) -> Labels:
    """Return the classes of each image from lines of `image,label`, several a line as `a|b`, or one on each of several.

    A first line that names no file is a heading. The classes are in order of their names, where all are numbers in
    that of the numbers. Raises: InputFault, naming an image without a line, one that is not there, or one that is given
    a label twice.
    """
    try:
        text = file.read_bytes()
        rows = [row for row in csv.reader(io.StringIO(text.decode("utf-8-sig"), newline="")) if len(row) >= 2]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputFault(f"The labels {file.name} cannot be read: {getattr(error, 'strerror', error)}.") from error
    if rows and rows[0][0] not in images and not PurePosixPath(rows[0][0]).suffix:
        del rows[0]
    present: dict[str, list[str]] = {}
    for path, names, *_ in rows:
        present.setdefault(path, []).extend(name.strip() for name in names.split("|") if name.strip())
    missing = next((path for path in sorted(images) if path not in present), None)
    if missing is not None:
        raise InputFault(f"The labels {file.name} lack a line for {missing}; write one `image,label` line an image.")
    check_lines(file, present, images)
    classes = order_classes({name for names in present.values() for name in names})
    has_several = any(len(names) != 1 for names in present.values())
    return Labels(present, tuple(classes), has_several=has_several, sources={"labels": text})


def order_classes(names: Collection[str]) -> list[str]:
    """Return the names in order: who numbers the classes means the networks' outputs, of which 2 comes before 10."""
    are_numbers = all(name.isascii() and name.isdecimal() and len(name) < LONGEST_NUMBER for name in names)
    return sorted(names, key=lambda name: (int(name) if are_numbers else 0, name))


def check_lines(file: Path, present: Mapping[str, Sequence[str]], images: Collection[str]) -> None:
    """Raises: InputFault where a line is of an image that is not there, or gives one a label that it has already."""
    unknown = sorted(present.keys() - set(images))
    if unknown:
        more = f" and {len(unknown) - NAMED:,} more" if len(unknown) > NAMED else ""
        raise InputFault(
            f"The labels {file.name} name images that are not there: {', '.join(unknown[:NAMED])}{more};"
            " mend their names, or remove their lines."
        )
    for path, names in present.items():
        twice = next((name for name, count in Counter(names).items() if count > 1), None)
        if twice is not None:
            raise InputFault(f"The labels {file.name} give {path} the label {twice} twice; write it once.")
