"""An image folder (`class/…/image`), or a tar of one, as a sorted list of samples with a digest over its bytes.

The classes are the folders in order of their names, as torchvision's ImageFolder has them. A file `outputs.txt` beside
them, the networks' classes one a line, says otherwise: for another order, or for classes without an image here.
"""

import csv
import hashlib
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from evaluation.contract import InputFault

SUFFIXES = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}
OUTPUTS = "outputs.txt"


@dataclass(frozen=True)
class Sample:
    """One image: its path inside the dataset, its class index, its encoded bytes' sha256."""

    path: str
    label: int
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """The samples in order of class and path, as torchvision's ImageFolder orders them.

    `digest` is sha256 over a line for each file, `path NUL sha256 LF`, in order of the paths.
    """

    source: Path
    samples: tuple[Sample, ...]
    class_names: tuple[str, ...]
    digest: str

    def read_images(self) -> Iterator[tuple[Sample, bytes]]:
        """Yield each sample with its encoded bytes, in the order in which the source gives them fastest."""
        by_path = {sample.path: sample for sample in self.samples}
        for path, data in read_files(self.source):
            if path in by_path:
                yield by_path[path], data


def read_files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield relative path and bytes of each file that counts. Raises: InputFault where the source cannot be read."""
    if source.is_dir():
        for file in sorted(p for p in source.rglob("*") if counts(p) and p.is_file()):
            yield file.relative_to(source).as_posix(), file.read_bytes()
    elif not source.exists():
        raise InputFault(f"The dataset {source.name} does not exist; give an image folder or a tar of one.")
    else:
        yield from read_tar(source)


def counts(path: PurePath) -> bool:
    return path.suffix.lower() in SUFFIXES or path.name == OUTPUTS


def read_tar(source: Path) -> Iterator[tuple[str, bytes]]:
    """Stream the regular files of a tar; links, devices and paths that climb are passed over."""
    try:
        with tarfile.open(source, "r|*") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                if not member.isfile() or not counts(path) or ".." in path.parts:
                    continue
                file = archive.extractfile(member)
                assert file is not None
                yield path.as_posix().lstrip("/"), file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputFault(f"{source.name} is neither an image folder nor a readable tar of one: {error}.") from error


def index_dataset(source: Path, labels: Path | None = None) -> Dataset:
    """Read the whole dataset once. Raises: InputFault where there are no images or no classes."""
    digests, outputs = {}, None
    for path, data in read_files(source):
        digests[path] = hashlib.sha256(data).hexdigest()
        if PurePath(path).name == OUTPUTS:
            outputs = read_outputs(data)
    images = {path: digest for path, digest in digests.items() if PurePath(path).name != OUTPUTS}
    if not images:
        raise InputFault(f"{source.name} holds no images; it needs one folder a class with images in it.")
    overall = hashlib.sha256()
    for path, digest in sorted(digests.items()):
        overall.update(f"{path}\0{digest}\n".encode())
    names = read_labels(labels, images) if labels else read_folders(source, images)
    classes = outputs or sorted(set(names.values()))
    indices = {name: index for index, name in enumerate(classes)}
    missing = next((name for name in names.values() if name not in indices), None)
    if missing is not None:
        raise InputFault(
            f"{OUTPUTS} in {source.name} lacks the class {missing}; write the name of each class on a line."
        )
    samples = sorted((Sample(p, indices[n], images[p]) for p, n in names.items()), key=lambda s: (s.label, s.path))
    return Dataset(source, tuple(samples), tuple(classes), f"sha256:{overall.hexdigest()}")


def read_outputs(data: bytes) -> list[str]:
    """Return the names, one a line. Raises: InputFault where one is there twice, or they are no text."""
    try:
        names = [line.strip() for line in data.decode("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputFault(f"{OUTPUTS} is no UTF-8 text; write the name of each class on a line.") from error
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise InputFault(f"{OUTPUTS} names the class {twice} twice; write each class once.")
    return names


def read_folders(source: Path, paths: dict[str, str]) -> dict[str, str]:
    """Return the class of each path: its first folder below the one that all images share."""
    parts = {path: PurePosixPath(path).parts for path in paths}
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
    return {path: p[depth] for path, p in parts.items()}


def read_labels(labels: Path, paths: dict[str, str]) -> dict[str, str]:
    """Return the class of each path from a CSV of `path,label`. Raises: InputFault, naming the first gap."""
    try:
        with labels.open(newline="", encoding="utf-8") as file:
            rows = {row[0]: row[1] for row in csv.reader(file) if len(row) >= 2}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputFault(f"The labels {labels.name} cannot be read: {error}.") from error
    missing = next((path for path in sorted(paths) if path not in rows), None)
    if missing is not None:
        raise InputFault(f"The labels {labels.name} lack a line for {missing}; write one `path,label` line an image.")
    return {path: rows[path] for path in paths}


def check_images(dataset: Dataset, decode: Callable[[bytes, str], object]) -> None:
    """Decode every image once. Raises: InputFault, naming the first that does not decode."""
    for sample, data in dataset.read_images():
        decode(data, sample.path)
