"""The file that somebody submits, checked where it lies before anything is stored."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile

from evaluation.contract import InputFault
from evaluation.static_check import Verdict, check
from leaderboard.services import file_checks
from leaderboard.services.refusals import Refusals


@dataclass(frozen=True)
class CheckedFile:
    """What the static check says of the file, and its digest; without a verdict where there is no file."""

    verdict: Verdict | None = None
    sha256: str = ""
    is_refused: bool = False


def check_file(upload: "UploadedFile[Any]", refusals: Refusals) -> CheckedFile:
    """Run the static check on the uploaded bytes."""
    if upload.size and upload.size > settings.MAX_WEIGHTS_BYTES:
        refusals.add("weights", file_checks.name_limit())
        return CheckedFile(is_refused=True)
    if not isinstance(upload, TemporaryUploadedFile):
        raise TypeError("uploads must lie on disk; FILE_UPLOAD_HANDLERS sets it so")
    try:
        verdict = check(upload.temporary_file_path(), filename=upload.name)
    except InputFault as fault:
        refusals.add("weights", str(fault))
        return CheckedFile(is_refused=True)
    upload.seek(0)
    sha256 = hashlib.file_digest(upload.file, "sha256").hexdigest()  # type: ignore[arg-type]
    upload.seek(0)
    return CheckedFile(verdict, sha256)
