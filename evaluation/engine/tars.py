"""A tar of an image folder, read from its beginning to its end, packed or not."""

import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Self

from evaluation.contract import InputFault

# In bytes; an image of so many is none.
LARGEST = 2**30
# What Python's reader makes of damaged bytes.
DAMAGE = (tarfile.TarError, EOFError, OSError, ValueError, KeyError, IndexError, zlib.error, lzma.LZMAError)


class Member(tarfile.TarInfo):
    """Python takes a damaged header, or none, for the archive's end: a score would be of a part of the dataset."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            is_end = isinstance(error, tarfile.EOFHeaderError)  # type: ignore[attr-defined]
            if is_end or not archive.offset:
                raise
            raise tarfile.ReadError(f"it breaks off or is damaged ({error})") from error


def open_tar(source: Path, counts: Callable[[str], bool]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield path and reader of each file that counts; devices and paths that climb are passed over.

    Raises: InputFault where it is no tar, is not whole, or holds links in place of images.
    """
    try:
        with tarfile.open(source, "r|*", tarinfo=Member) as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                if not counts(path.as_posix()) or ".." in path.parts:
                    continue
                if member.islnk() or member.issym():
                    raise InputFault(
                        f"{path} in {source.name} is a link; pack the images themselves:"
                        " tar --dereference --hard-dereference."
                    )
                if member.isfile():
                    if member.size > LARGEST:
                        raise too_large(member.name)
                    file = archive.extractfile(member)
                    assert file is not None
                    yield path.as_posix().lstrip("/"), partial(bytes, file.read())
    except DAMAGE as error:
        if isinstance(error, InputFault):
            raise
        raise InputFault(f"{source.name} is neither an image folder nor a readable tar of one: {error}.") from error


def too_large(path: str) -> InputFault:
    return InputFault(f"{path} is larger than 1 GiB, which no image is; replace or remove it.")
