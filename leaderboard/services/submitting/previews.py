"""What the form says of a file without sending anything off: for browsers without script, one more round trip."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from leaderboard.models import Upload
from leaderboard.services.refusals import Refusals
from leaderboard.services.submitting import uploads
from leaderboard.services.submitting.file_checks import FileCheck, describe
from leaderboard.services.submitting.files import check_file, receive
from leaderboard.services.submitting.protocols import GRAPH_SIDE


@dataclass(frozen=True)
class Preview:
    """The form's values with what the file told, and what was found."""

    values: dict[str, str]
    check: FileCheck | None = None
    errors: dict[str, str] = field(default_factory=dict)


def preview(
    values: Mapping[str, str], sent: "UploadedFile[Any] | None", *, by: AbstractBaseUser, at: dt.datetime
) -> Preview:
    """Check the file and keep it, as browsers do not: it is offered as one that is already here."""
    refusals = Refusals()
    received = receive(sent, values.get("upload", ""), by=by, refusals=refusals)
    file = check_file(received, refusals)
    kept = keep(sent, file.sha256, by, refusals, at=at) if sent is not None and file.verdict else received.upload
    received.drop()
    found = describe(file.verdict) if file.verdict else None
    told = {"upload": str(kept.pk)} if kept else {}
    if found:
        # A name that was typed stays; where several fit, the first is proposed as it is with script.
        told["architecture"] = values.get("architecture", "") or "".join(found.architectures[:1])
        told[GRAPH_SIDE] = str(found.protocol.get("crop") or "") if not found.architectures else ""
    return Preview({**values} | told, found, refusals.errors)


def keep(
    sent: "UploadedFile[Any]", sha256: str, by: AbstractBaseUser, refusals: Refusals, *, at: dt.datetime
) -> Upload | None:
    """Store the file among the account's uploads, None where there is no room; that is said beside the file."""
    earlier = uploads.list_own(by).filter(sha256=sha256, name=sent.name or "").first()
    if earlier is not None and earlier.is_complete:
        return earlier
    try:
        upload = uploads.begin(by=by, name=sent.name or "", size=sent.size or 0, sha256=sha256, at=at)
        sent.seek(0)
        return uploads.append(upload, 0, sent, at=at)
    except uploads.UploadRefused as refused:
        refusals.add("weights", _("It fits, but cannot be kept meanwhile: %(reason)s") % {"reason": refused})
        return None
