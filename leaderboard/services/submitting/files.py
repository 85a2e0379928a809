"""The file that somebody submits, checked where it lies before anything is stored."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.utils.translation import gettext as _

from evaluation.contract import InputFault
from evaluation.static_check import Verdict, check
from leaderboard.models import Upload
from leaderboard.sentences import say
from leaderboard.services.refusals import Refusals
from leaderboard.services.submitting import file_checks, uploads


@dataclass(frozen=True)
class CheckedFile:
    """What the static check says of the file, and its digest; without a verdict where there is no file."""

    verdict: Verdict | None = None
    sha256: str = ""
    is_refused: bool = False


@dataclass(frozen=True)
class Received:
    """The file of a request: sent with it, or before it in parts, whose upload it then is."""

    file: "UploadedFile[Any] | None" = None
    sha256: str = ""
    upload: Upload | None = None

    def drop(self) -> None:
        """Remove the file that was put together; the upload's parts stay, for another attempt."""
        if self.upload is not None and self.file is not None:
            self.file.close()


def receive(sent: "UploadedFile[Any] | None", upload_id: str, *, by: AbstractBaseUser, refusals: Refusals) -> Received:
    """Return the file that was sent, or the one put together from its parts."""
    if not upload_id:
        return Received(sent)
    upload = uploads.find_own(upload_id, by)
    if upload is None:
        refusals.add("upload", _("There is no such upload of yours any more; choose the file again."))
    elif sent is not None:
        refusals.add("upload", _("Give either a file or an upload, not both."))
    else:
        try:
            whole = uploads.put_together(upload)
        except uploads.UploadRefused as refused:
            refusals.add("upload", str(refused))
        else:
            return Received(whole.file, whole.sha256, upload)
    return Received(sent)


def check_file(received: Received, refusals: Refusals) -> CheckedFile:
    """Run the static check on the uploaded bytes."""
    upload = received.file
    if upload is None:
        return CheckedFile(is_refused="upload" in refusals.errors)
    if upload.size and upload.size > settings.MAX_WEIGHTS_BYTES:
        refusals.add("weights", file_checks.name_limit())
        return CheckedFile(is_refused=True)
    if not isinstance(upload, TemporaryUploadedFile):
        raise TypeError("uploads must lie on disk; FILE_UPLOAD_HANDLERS sets it so")
    try:
        verdict = check(upload.temporary_file_path(), filename=upload.name)
    except InputFault as fault:
        refusals.add("weights", say(str(fault)))
        return CheckedFile(is_refused=True)
    return CheckedFile(verdict, received.sha256 or digest(upload))


def digest(upload: "UploadedFile[Any]") -> str:
    upload.seek(0)
    sha256 = hashlib.file_digest(upload.file, "sha256").hexdigest()  # type: ignore[arg-type]
    upload.seek(0)
    return sha256
