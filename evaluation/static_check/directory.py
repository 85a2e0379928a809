"""The directory of a zip archive. Python's `zipfile` reads it; what PyTorch never writes is refused.

Source: PKWARE's APPNOTE.TXT, section 4.3.7, for the header before a member's bytes.
"""

import struct
import zlib
from typing import IO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from evaluation.contract import InputFault

MAX_DIRECTORY = 2 * 2**20
END, END_BYTES = b"PK\x05\x06", 22
ENCRYPTED, UNICODE = 1, 0x800
LOCAL = struct.Struct("<4s22xHH")


class Narrow:
    """The archive's file, as the directory may say of itself that it is gigabytes long."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.seek, self.tell = file, file.seek, file.tell

    def read(self, count: int = -1) -> bytes:
        if count > MAX_DIRECTORY:
            raise InputFault("The directory of this archive is larger than 2 MiB; no state dict needs that.")
        return self.file.read(MAX_DIRECTORY if count < 0 else count)


def read_members(file: IO[bytes], size: int) -> list[ZipInfo]:
    """Return the members in the directory's order, unchecked yet. Raises: InputFault where it is damaged."""
    file.seek(max(0, size - END_BYTES))
    try:
        # Python looks for the end further up as well, where other files would follow on the archive.
        if file.read(len(END)) != END:
            raise BadZipFile("no end")
        with ZipFile(Narrow(file)) as archive:
            members, comment = archive.infolist(), archive.comment
    except (BadZipFile, NotImplementedError) as error:
        raise broken() from error
    if comment:
        raise broken()
    return members


def broken() -> InputFault:
    return InputFault("This file is truncated or damaged: its directory cannot be read. Save it or fetch it again.")


def lying() -> InputFault:
    return InputFault("The members of this archive overlap or have lying sizes; it is damaged, save it again.")


def check_members(members: list[ZipInfo], size: int) -> None:
    """Raises: InputFault where one is packed, stands twice, has an odd path, overlaps or reaches past the end."""
    names = [member.orig_filename for member in members]
    has_odd = any(".." in name.split("/") or name.startswith("/") or not name.isprintable() for name in names)
    if has_odd or len(set(names)) != len(names):
        raise InputFault("A member of this archive stands twice or has an odd path; save the file again.")
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.compress_type != ZIP_STORED or member.flag_bits & ENCRYPTED:
            raise InputFault(
                "The members of this archive are compressed or encrypted; PyTorch stores them plain, save it again."
            )
        # What stands before the first member would be another file's beginning.
        is_first = end == 0
        if (
            member.file_size != member.compress_size
            or member.header_offset < end
            or (is_first and member.header_offset)
        ):
            raise lying()
        end = member.header_offset + LOCAL.size + member.file_size
        if end > size:
            raise InputFault("This file is truncated: a member reaches beyond its end. Save it or fetch it again.")


def find_data(file: IO[bytes], member: ZipInfo) -> int:
    """Return where the member's bytes begin. Raises: InputFault where its own header names another."""
    file.seek(member.header_offset)
    magic, named, extra = LOCAL.unpack(file.read(LOCAL.size))
    name = member.orig_filename.encode("utf-8" if member.flag_bits & UNICODE else "cp437")
    if magic != b"PK\x03\x04" or file.read(named) != name:
        raise lying()
    return member.header_offset + LOCAL.size + int(named) + int(extra)


def read_member(file: IO[bytes], member: ZipInfo) -> bytes:
    """Raises: InputFault where its bytes are not those that were written."""
    file.seek(find_data(file, member))
    data = file.read(member.file_size)
    # PyTorch can be told to leave the sums out, and writes 0 then.
    if len(data) != member.file_size or member.CRC not in (0, zlib.crc32(data)):
        raise broken()
    return data
