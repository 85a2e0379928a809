"""The files of a dataset, in a folder or packed in a tar, and what they hold: read once as long as none changes.

A folder of ImageNet's size takes longer to digest than a GPU to predict. What was read is kept beside the pixels with
the state of each file, as git keeps it: inode, size, and both times of its last change, of which nothing but the
system sets the second. Of files that have just changed nothing is kept, as a further change could leave the same times.
"""

import hashlib
import json
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path, PurePath
from typing import NoReturn, Self

from evaluation.contract import InputFault
from evaluation.engine import voc
from evaluation.engine.ahead import work_ahead
from evaluation.engine.tars import LARGEST, open_tar, too_large
from evaluation.engine.whole import put_whole

Read = Callable[[], bytes]
# Relative path and state of a file.
Found = tuple[str, os.stat_result]

SUFFIXES = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}
OUTPUTS = "outputs.txt"
# Files that a thread digests at a time, and threads: of more, each waits longer for the interpreter than it works.
GROUP, DIGESTERS = 8, 4
# The times of a file system are as coarse as two seconds, and its clock may not be ours.
SETTLED_SECONDS = 60


@dataclass(frozen=True)
class Contents:
    """By path: the sha256 of each image, and the bytes of every other file that counts."""

    images: dict[str, str]
    texts: dict[str, bytes]

    def dump(self, state: str) -> str:
        texts = {path: b64encode(data).decode() for path, data in self.texts.items()}
        return json.dumps({"state": state, "images": self.images, "texts": texts})

    @classmethod
    def load(cls, text: str, state: str) -> Self | None:
        """Return what was kept, None where it is of another state or damaged."""
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            kept = json.loads(text)
            if kept["state"] == state:
                return cls(dict(kept["images"]), {path: b64decode(data) for path, data in kept["texts"].items()})
        return None


def read_contents(source: Path, store: Path | None = None) -> Contents:
    """Return what the files hold; `store` keeps it for the next time. Raises: InputFault where they cannot be read."""
    if store is None or not source.exists():
        return digest_all(open_files(source))
    # Before they are read: what changes meanwhile is read again the next time.
    files = list_all(source) if source.is_dir() else [("", source.stat())]
    state, kept = describe_state(files), store / f"files-{hashlib.sha256(os.fsencode(source)).hexdigest()[:32]}.json"
    with suppress(OSError):
        if known := Contents.load(kept.read_text(), state):
            return known
    contents = digest_all(open_listed(source, files) if source.is_dir() else open_files(source))
    if all(status.st_ctime < time.time() - SETTLED_SECONDS for _, status in files):
        # Without room for it, they are read again.
        with suppress(OSError), put_whole(kept) as partial_file:
            partial_file.write_text(contents.dump(state))
    return contents


def describe_state(files: list[Found]) -> str:
    content = hashlib.sha256()
    for path, status in files:
        facts = f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
        content.update(os.fsencode(f"{path}\0{facts}\n"))
    return content.hexdigest()


def open_files(source: Path) -> Iterator[tuple[str, Read]]:
    """Yield relative path and reader of each file that counts. Raises: InputFault where the source cannot be read."""
    if source.is_dir():
        yield from open_listed(source, list_all(source))
    elif not source.exists():
        raise InputFault(f"The dataset {source.name} does not exist; give an image folder or a tar of one.")
    elif not source.is_file():
        # A pipe would be waited for, and can be read once only.
        raise InputFault(f"The dataset {source.name} is no ordinary file; give an image folder or a tar of one.")
    else:
        yield from open_tar(source, counts)


def open_listed(source: Path, files: list[Found]) -> Iterator[tuple[str, Read]]:
    for path, _ in files:
        yield path, partial(read_file, os.path.join(source, path))


def list_all(source: Path) -> list[Found]:
    """Return the files of a folder that count, by their paths' parts; as torchvision's ImageFolder does, also of linked
    folders.

    Raises: InputFault for a link to what is not there, without which a score would be of another dataset.
    """
    whole = source.resolve()
    found = list_files(source, "", (str(whole), *map(str, whole.parents)))
    return sorted(found, key=lambda file: file[0].split("/"))


def list_files(source: Path, start: str, above: tuple[str, ...]) -> Iterator[Found]:
    """`start`: the folder's path in the source, with its last slash. `above`: it and all above it, without links."""
    try:
        with os.scandir(os.path.join(source, start)) as entries:
            inside = list(entries)
    except OSError as error:
        refuse_unreadable(error)
    for entry in inside:
        path = start + entry.name
        if is_folder(entry):
            real = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(above[0], entry.name)
            # One that leads back up would be followed for ever.
            if real not in above:
                yield from list_files(source, f"{path}/", (real, *above))
        elif counts(path):
            try:
                status = entry.stat()
            except OSError as error:
                raise InputFault(
                    f"{path} in {source.name} is a link that leads nowhere; put the image in its place."
                ) from error
            if entry.is_file():
                yield path, status


def is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    # A link to itself.
    except OSError:
        return False


def refuse_unreadable(error: OSError) -> NoReturn:
    raise InputFault(f"{error.filename} cannot be read ({error.strerror}); let the engine read it.") from error


def read_file(path: str) -> bytes:
    """Raises: InputFault where it cannot be read, or is larger than any image."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > LARGEST:
                raise too_large(path)
            return file.read()
    except OSError as error:
        refuse_unreadable(error)


def counts(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    # macOS leaves such a file beside each of those that it packs, under the same name.
    if name.startswith("._") or "__MACOSX" in folder.split("/"):
        return False
    return is_image(path) or name == OUTPUTS or voc.is_list(PurePath(path))


def is_image(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in SUFFIXES


def digest_all(files: Iterator[tuple[str, Read]]) -> Contents:
    contents = Contents({}, {})
    for path, digest, data in chain.from_iterable(work_ahead(digest_files, group(files), DIGESTERS)):
        if digest:
            contents.images[path] = digest
        else:
            contents.texts[path] = data
    return contents


def group(files: Iterator[tuple[str, Read]]) -> Iterator[list[tuple[str, Read]]]:
    """Yield a few files at a time: to hand each to a thread costs nearly as much as to digest it."""
    return iter(lambda: list(islice(files, GROUP)), [])


def digest_files(files: list[tuple[str, Read]]) -> list[tuple[str, str, bytes]]:
    """Return path, digest and no bytes of each image; path, no digest and the bytes of another file."""
    found = []
    for path, read in files:
        data = read()
        is_text = not is_image(path)
        found.append((path, "" if is_text else hashlib.sha256(data).hexdigest(), data if is_text else b""))
    return found
