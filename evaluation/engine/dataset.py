"""An image folder (`class/…/image`), or a tar of one, as a sorted list of samples with a digest over its bytes.

The classes are the folders in order of their names, as torchvision's ImageFolder has them; a CSV or PASCAL VOC's own
layout can say them instead. A file `outputs.txt` beside them, the networks' classes one a line, says otherwise: for
another order, or for classes without an image here.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from evaluation.contract import InputFault
from evaluation.engine import voc
from evaluation.engine.files import OUTPUTS, open_files, read_contents
from evaluation.engine.labels import Labels, read_csv, read_folders


@dataclass(frozen=True)
class Sample:
    """One image: its path inside the dataset, its label, its encoded bytes' sha256.

    `label`: the class's index; of several labels an image 1, 0 (difficult objects only) or -1 for each class.
    """

    path: str
    label: int | tuple[int, ...]
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """The samples in order of class and path, as torchvision's ImageFolder orders them; of several labels, of path.

    `digest` is sha256 over a line for each file that takes part, `path NUL sha256 LF`, in order of the paths.
    """

    source: Path
    samples: tuple[Sample, ...]
    class_names: tuple[str, ...]
    digest: str

    def read_images(self) -> Iterator[tuple[Sample, bytes]]:
        """Yield each sample with its encoded bytes, in the order in which the source gives them fastest."""
        by_path = {sample.path: sample for sample in self.samples}
        for path, read in open_files(self.source):
            if path in by_path:
                yield by_path[path], read()


def index_dataset(source: Path, labels: Path | str | None = None, store: Path | None = None) -> Dataset:
    """Read the whole dataset once. Raises: InputFault where there are no images or no classes.

    `labels`: a CSV, or the split of a dataset in PASCAL VOC's layout. `store`: where is kept what the files hold.
    """
    contents = read_contents(source, store)
    images, texts = contents.images, contents.texts
    if not images:
        raise InputFault(f"{source.name} holds no images; it needs one folder a class with images in it.")
    found = find_labels(source, images, texts, labels)
    if not any(found.present.values()):
        raise InputFault(f"No image of {source.name} has a label; say for each class which images show it.")
    outputs = {path: data for path, data in texts.items() if PurePath(path).name == OUTPUTS}
    names = next((read_outputs(data) for data in outputs.values()), found.class_names)
    missing = next((name for name in found.class_names if name not in names), None)
    if missing is not None:
        raise InputFault(
            f"{OUTPUTS} in {source.name} lacks the class {missing}; write the name of each class on a line."
        )
    classes = {name: index for index, name in enumerate(names)}
    samples = [Sample(path, found.find_label(path, classes), images[path]) for path in found.present]
    samples.sort(key=lambda sample: (sample.label if isinstance(sample.label, int) else 0, sample.path))
    said = outputs | dict(found.sources)
    if not outputs and list(found.class_names) != sorted(found.class_names):
        # Without it, the digest is of the samples in the order that they had while numbers were sorted as texts.
        said["classes"] = "\n".join(found.class_names).encode()
    digest = digest_lines({sample.path: sample.sha256 for sample in samples}, said)
    return Dataset(source, tuple(samples), tuple(classes), digest)


def find_labels(source: Path, images: Collection[str], texts: Mapping[str, bytes], labels: Path | str | None) -> Labels:
    """Raises: InputFault where neither the layout nor the labels given say what the images show."""
    layout = voc.find_layout(images, texts)
    if layout and (labels is None or str(labels) in layout.splits):
        return voc.read_layout(layout, str(labels) if labels else None)
    if labels is None:
        return read_folders(source, images)
    if layout and not Path(labels).exists():
        raise InputFault(
            f"{labels} is neither a CSV nor a split of {source.name}, which has {', '.join(layout.splits) or 'none'}."
        )
    return read_csv(Path(labels), list(layout.images.values()) if layout else images)


def digest_lines(images: Mapping[str, str], texts: Mapping[str, bytes]) -> str:
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in texts.items()} | dict(images)
    lines = (f"{path}\0{digest}\n" for path, digest in sorted(digests.items()))
    return f"sha256:{hashlib.sha256(os.fsencode(''.join(lines))).hexdigest()}"


def read_outputs(data: bytes) -> list[str]:
    """Return the names, one a line. Raises: InputFault where one is there twice, or they are no text."""
    try:
        names = [line.strip() for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputFault(f"{OUTPUTS} is no UTF-8 text; write the name of each class on a line.") from error
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise InputFault(f"{OUTPUTS} names the class {twice} twice; write each class once.")
    return names


def check_images(dataset: Dataset, decode: Callable[[bytes, str], object]) -> None:
    """Decode every image once. Raises: InputFault, naming the first that does not decode."""
    for sample, data in dataset.read_images():
        decode(data, sample.path)
