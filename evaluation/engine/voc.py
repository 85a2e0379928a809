"""PASCAL VOC's layout: `JPEGImages/`, `Annotations/*.xml`, `ImageSets/Main/<class>_<split>.txt`, at any depth.

The lists of each class say 1, 0 (difficult objects only) or -1 of each image, as the devkit's ground truth for
classification does. Where a split has none, the annotations of its images say it.

Source: M. Everingham, J. Winn, "The PASCAL Visual Object Classes Challenge 2007 Development Kit", 2007, section 4.1.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from xml.etree import ElementTree

from evaluation.contract import InputFault
from evaluation.engine.labels import Labels

IMAGES, ANNOTATIONS, SETS = "JPEGImages", "Annotations", "ImageSets/Main"


def is_list(path: PurePath) -> bool:
    """Tell whether the layout puts labels there."""
    folder = path.parent.as_posix()
    return (path.suffix == ".xml" and path.parent.name == ANNOTATIONS) or (
        path.suffix == ".txt" and (folder == SETS or folder.endswith(f"/{SETS}"))
    )


@dataclass(frozen=True)
class Layout:
    """The files by their names without suffix: an image's path, the paths of its annotation and of the lists."""

    images: Mapping[str, str]
    annotations: Mapping[str, str]
    lists: Mapping[str, str]
    texts: Mapping[str, bytes]

    @property
    def splits(self) -> list[str]:
        return sorted({name.rpartition("_")[2] for name in self.lists})


@dataclass(frozen=True)
class Objects:
    """The classes in one image, and those of which all its objects are difficult."""

    present: Collection[str]
    difficult: Collection[str]


def find_layout(images: Collection[str], texts: Mapping[str, bytes]) -> Layout | None:
    """Return None where the files lie in another layout. Raises: InputFault where they are several years'."""
    pictures = [path for path in images if PurePosixPath(path).parent.name == IMAGES]
    lists = [path for path in texts if is_list(PurePosixPath(path))]
    if not pictures or not lists:
        return None
    years = sorted({PurePosixPath(path).parent.parent.as_posix() for path in pictures})
    if len(years) > 1:
        raise InputFault(f"The dataset holds {' and '.join(years)}; give the folder of one of them.")
    annotations = [path for path in lists if path.endswith(".xml")]
    sets = [path for path in lists if path.endswith(".txt")]
    return Layout(by_name(pictures), by_name(annotations), by_name(sets), texts)


def by_name(paths: Collection[str]) -> dict[str, str]:
    return {PurePosixPath(path).stem: path for path in paths}


def read_layout(layout: Layout, split: str | None) -> Labels:
    """Return the labels of a split; None: of the only one, or of all annotated images. Raises: InputFault."""
    if split is None and len(layout.splits) > 1:
        raise InputFault(f"The dataset has several splits; name one with --labels: {', '.join(layout.splits)}.")
    split = split or next(iter(layout.splits), "")
    lists = {name.removesuffix(f"_{split}"): path for name, path in layout.lists.items() if name.endswith(f"_{split}")}
    return read_lists(layout, lists) if lists else read_annotations(layout, split)


def read_lists(layout: Layout, lists: Mapping[str, str]) -> Labels:
    """Return the labels from a split's lists, by class. Raises: InputFault where they are not of the same images."""
    marks = {name: read_marks(path, layout.texts[path]) for name, path in sorted(lists.items())}
    images = set().union(*marks.values())
    for name, of in marks.items():
        if images - of.keys():
            raise InputFault(
                f"{lists[name]} lacks the image {min(images - of.keys())}, which other classes' lists have."
            )
    paths = {image: find_image(layout, image) for image in sorted(images)}
    present, difficult = (
        {path: [name for name, of in marks.items() if of[image] == mark] for image, path in paths.items()}
        for mark in ("1", "0")
    )
    return Labels(present, tuple(marks), difficult, True, {path: layout.texts[path] for path in lists.values()})


def read_marks(path: str, text: bytes) -> dict[str, str]:
    """Return each image's mark. Raises: InputFault, naming the first line that has none."""
    marks = {}
    for line in filter(None, map(str.strip, text.decode("utf-8", "replace").splitlines())):
        image, *rest = line.split()
        if rest not in (["1"], ["0"], ["-1"]):
            raise InputFault(f"{path} has the line {line[:80]!r}; write an image and 1, 0 or -1 on each.")
        marks[image] = rest[0]
    return marks


def read_annotations(layout: Layout, split: str) -> Labels:
    """Return the labels of a list of images, or of all, from the annotations. Raises: InputFault."""
    sources = {path: layout.texts[path] for path in layout.annotations.values()}
    images: Collection[str] = layout.annotations
    if split:
        path = layout.lists[split]
        sources[path] = layout.texts[path]
        images = layout.texts[path].decode("utf-8", "replace").split()
    missing = next((image for image in images if image not in layout.annotations), None)
    if missing is not None:
        raise InputFault(f"{ANNOTATIONS}/{missing}.xml is missing, and {split} has no lists of its classes' images.")
    objects = {image: read_objects(path, layout.texts[path]) for image, path in layout.annotations.items()}
    classes = {name for each in objects.values() for name in (*each.present, *each.difficult)}
    paths = {image: find_image(layout, image) for image in images}
    return Labels(
        {path: objects[image].present for image, path in paths.items()},
        tuple(sorted(classes)),
        {path: objects[image].difficult for image, path in paths.items()},
        True,
        sources,
    )


def read_objects(path: str, text: bytes) -> Objects:
    """Raises: InputFault where the annotation is no XML."""
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise InputFault(f"{path} is no annotation in XML: {error}.") from error
    found = [
        (each.findtext("name", "").strip(), each.findtext("difficult", "0").strip()) for each in root.iter("object")
    ]
    present = {name for name, difficult in found if name and difficult != "1"}
    return Objects(present, {name for name, _ in found if name} - present)


def find_image(layout: Layout, image: str) -> str:
    """Raises: InputFault where the image is not there."""
    if image not in layout.images:
        raise InputFault(f"{IMAGES} lacks the image {image}; put it there or take it out of the lists.")
    return layout.images[image]
