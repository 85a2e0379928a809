"""Uploads that survive a dropped connection: begun, continued where they stopped, put together when they are submitted.

Each part is a file of the default storage, so any web process of any machine may take the next one.
"""

import base64
import binascii
import datetime as dt
import hashlib
import shutil
from dataclasses import dataclass
from functools import partial
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from leaderboard.models import Upload, UploadPart
from leaderboard.services.storage import drop
from leaderboard.services.submitting.arrivals import shorten_ending

BLOCK = 2**20


class UploadRefused(Exception):
    """The upload cannot be begun or continued. `status` is HTTP's; the message is one plain sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def begin(*, by: AbstractBaseUser, name: str, size: int, sha256: str = "", at: dt.datetime) -> Upload:
    """Make room for a file of `size` bytes. Raises: UploadRefused."""
    if size < 1:
        raise UploadRefused(400, _("The file is empty; choose the weights file again."))
    if size > settings.MAX_WEIGHTS_BYTES:
        mib = settings.MAX_WEIGHTS_BYTES // 2**20
        raise UploadRefused(413, _("The file is larger than %(mib)s MiB, the most we take.") % {"mib": mib})
    held = list_own(by).aggregate(total=Sum("size_bytes"))["total"] or 0
    if held + size > settings.UPLOAD_QUOTA_BYTES:
        mib = settings.UPLOAD_QUOTA_BYTES // 2**20
        sentence = _("Your uploads that are not submitted yet would take more than %(mib)s MiB; submit or delete one.")
        raise UploadRefused(413, sentence % {"mib": mib})
    # Parts and the file put together from them lie there at the same time.
    check_room(2 * size)
    name = "".join(sign for sign in name if sign.isprintable())[:200] or "weights"
    return Upload.objects.create(
        owner_id=by.pk, name=name, size_bytes=size, sha256=sha256, created_at=at, written_at=at
    )


def check_room(size: int) -> None:
    """Raises: UploadRefused where the disk would be nearly full."""
    if shutil.disk_usage(settings.FILE_UPLOAD_TEMP_DIR).free - size < settings.DISK_RESERVE_BYTES:
        raise UploadRefused(507, _("There is no room for this file just now; try again later."))


def list_own(by: AbstractBaseUser) -> QuerySet[Upload]:
    return Upload.objects.filter(owner_id=by.pk)


def find_own(pk: UUID | str, by: AbstractBaseUser) -> Upload | None:
    """Return the account's upload, None where there is none of that id."""
    try:
        return list_own(by).filter(pk=UUID(str(pk))).first()
    except ValueError:
        return None


def append(upload: Upload, offset: int, stream: IO[bytes], checksum: str = "", *, at: dt.datetime) -> Upload:
    """Store what comes from `stream`, which goes on at `offset`. What arrived before a connection broke off is kept.

    `checksum`: algorithm and digest in base64 as tus has them, of all that is sent; what does not match is dropped.
    Raises: UploadRefused.
    """
    expected = read_checksum(checksum)
    if offset != upload.offset_bytes:
        sentence = _("This upload goes on at byte %(right)s, not at %(wrong)s.")
        raise UploadRefused(409, sentence % {"right": upload.offset_bytes, "wrong": offset})
    with TemporaryUploadedFile("part", "application/octet-stream", 0, None) as part:
        digest, count = copy(stream, part, upload.size_bytes - offset)
        if expected and digest != expected:
            raise UploadRefused(460, _("These bytes are not those that were sent; send them again."))
        if count:
            part.size = count
            part.seek(0)
            store(upload, part, count, at=at)
    return upload


def read_checksum(text: str) -> bytes:
    """Return the digest in an `Upload-Checksum` header, b"" for none. Raises: UploadRefused."""
    if not text:
        return b""
    algorithm, _space, encoded = text.partition(" ")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm != "sha256" or len(digest) != hashlib.sha256().digest_size:
        raise UploadRefused(400, _("Upload-Checksum is sha256 and the digest in base64."))
    return digest


def copy(stream: IO[bytes], target: "UploadedFile[Any]", room: int) -> tuple[bytes, int]:
    """Copy until the stream ends or breaks off. Return digest and number of bytes. Raises: UploadRefused."""
    digest, count = hashlib.sha256(), 0
    while True:
        try:
            block = stream.read(min(BLOCK, room - count + 1))
        # The connection broke off; what came before is worth keeping.
        except OSError:
            break
        if not block:
            break
        count += len(block)
        if count > room:
            raise UploadRefused(413, _("More bytes were sent than the upload was begun for; begin it again."))
        digest.update(block)
        target.write(block)
    return digest.digest(), count


def store(upload: Upload, part: "UploadedFile[Any]", count: int, *, at: dt.datetime) -> None:
    """Keep the part. Raises: UploadRefused where another request was faster."""
    row = UploadPart(upload=upload, offset_bytes=upload.offset_bytes)
    row.file.save(f"{upload.pk}-{upload.offset_bytes:013d}", part, save=False)
    stored = str(row.file.name)
    try:
        with transaction.atomic():
            moved = Upload.objects.filter(pk=upload.pk, offset_bytes=upload.offset_bytes).update(
                offset_bytes=upload.offset_bytes + count, written_at=at
            )
            if not moved:
                raise IntegrityError("another request was faster")
            row.save(force_insert=True)
    except IntegrityError as error:
        drop([stored])
        sentence = _("Another request has continued this upload; ask where it goes on.")
        raise UploadRefused(409, sentence) from error
    upload.offset_bytes += count
    upload.written_at = at


@dataclass(frozen=True)
class Whole:
    """A file on this machine's disk, with its digest."""

    file: TemporaryUploadedFile
    sha256: str


def put_together(upload: Upload) -> Whole:
    """Return the whole file. Raises: UploadRefused where it is not what its sender stated."""
    if not upload.is_complete:
        raise UploadRefused(409, _("This upload is not complete: send the rest of it first."))
    check_room(upload.size_bytes)
    whole = TemporaryUploadedFile(shorten_ending(upload.name), "application/octet-stream", upload.size_bytes, None)
    digest = hashlib.sha256()
    for part in upload.parts.order_by("offset_bytes"):
        with part.file.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                whole.write(block)
    whole.seek(0)
    if upload.sha256 and digest.hexdigest() != upload.sha256:
        whole.close()
        raise UploadRefused(409, _("The file that arrived is not the one whose sha256 you gave; send it again."))
    return Whole(whole, digest.hexdigest())


@transaction.atomic
def discard(upload: Upload) -> None:
    """Remove the upload with its parts."""
    names = [str(part.file.name) for part in upload.parts.all()]
    upload.delete()
    transaction.on_commit(partial(drop, names))


def discard_abandoned(*, at: dt.datetime) -> int:
    """Remove what nobody has continued or submitted for long."""
    stale = Upload.objects.filter(written_at__lt=at - dt.timedelta(hours=settings.UPLOAD_KEEP_HOURS))[:100]
    for upload in stale:
        discard(upload)
    return len(stale)
