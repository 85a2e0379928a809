"""A checked request becomes a submission, and one that is sent again does not."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from django.contrib.auth.models import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, transaction

from leaderboard.models import Benchmark, Entry, Submission, Upload
from leaderboard.services import audit
from leaderboard.services.running.attempts import enqueue
from leaderboard.services.storage import drop
from leaderboard.services.submitting import uploads
from leaderboard.services.submitting.quota import check_quota, take_turn

# By which a request that is sent again is told from another one under its key.
SAID = (
    *("model_name", "architecture", "framework", "weights_url", "weights_sha256", "background", "protocol", "claims"),
    *("paper_url", "code_url"),
)
# The file tells these where the request does not, and a repeated one need not bring the file.
TOLD_BY_FILE = ("architecture", "weights_sha256")


@dataclass(frozen=True)
class SubmissionRequest:
    """A checked request: `services.submitting.intake` makes it from what a form or the API sends."""

    benchmark: Benchmark
    model_name: str
    architecture: str
    framework: str
    # Whether the architecture was told from the file, not given.
    is_recognised: bool = False
    weights_file: "UploadedFile[Any] | None" = None
    # The upload that the file was put together from, which is done with.
    upload: Upload | None = None
    weights_name: str = ""
    weights_url: str = ""
    weights_sha256: str = ""
    weights_size_bytes: int | None = None
    weights_format: str = ""
    background: str = "none"
    protocol: dict[str, object] | None = None
    claims: dict[str, float] = field(default_factory=dict)
    paper_url: str = ""
    code_url: str = ""
    entry: Entry | None = None
    request_key: str = ""


class Repeated(Exception):
    """The same request was sent before: `submission` came of it."""

    def __init__(self, submission: Submission) -> None:
        super().__init__("This request was sent before.")
        self.submission = submission


class KeyReused(Exception):
    """A request that said something else was sent with this key before."""


def find_earlier(key: str, *, by: AbstractBaseUser) -> Submission | None:
    """Return what a request of this account with this key made."""
    return Submission.objects.filter(submitter_id=by.pk, request_key=key).first() if key else None


def refuse_repeated(earlier: Submission, said: Mapping[str, object]) -> NoReturn:
    """`said`: what the new request would store, by names of the submission's fields.

    Raises: Repeated where the earlier one said the same, KeyReused where it said something else.
    """
    # As a database of JSON gives it back: it has no tuples.
    plain = json.loads(json.dumps(said))
    compared = {name: value for name, value in plain.items() if value or name not in TOLD_BY_FILE}
    if all(getattr(earlier, name) == value for name, value in compared.items()):
        raise Repeated(earlier)
    raise KeyReused


@transaction.atomic
def submit_once(request: SubmissionRequest, *, by: AbstractBaseUser, at: dt.datetime, via: str = "web") -> Submission:
    """Submit, where the request's key is new and the account has one left today.

    Raises: Repeated, KeyReused, RequestRefused.
    """
    # Others of the account may have come since the request was read.
    take_turn(by)
    if earlier := find_earlier(request.request_key, by=by):
        said = {name: getattr(request, name) for name in SAID}
        refuse_repeated(earlier, said | {"benchmark_id": request.benchmark.pk})
    check_quota(by)
    return submit(request, by=by, at=at, via=via)


@transaction.atomic
def submit(request: SubmissionRequest, *, by: AbstractBaseUser, at: dt.datetime, via: str = "web") -> Submission:
    """Store the request with its file and queue its first run."""
    submission = Submission(
        submitter_id=by.pk,
        benchmark=request.benchmark,
        entry=request.entry,
        model_name=request.model_name,
        architecture=request.architecture,
        framework=request.framework,
        weights_name=request.weights_name,
        weights_url=request.weights_url,
        weights_sha256=request.weights_sha256,
        weights_size_bytes=request.weights_size_bytes,
        weights_format=request.weights_format,
        background=request.background,
        protocol=request.protocol,
        claims=request.claims,
        paper_url=request.paper_url,
        code_url=request.code_url,
        request_key=request.request_key,
    )
    if request.weights_file is not None:
        # The stored name is ours: nothing of the submitter's file name reaches the disk.
        submission.weights_file.save(f"{submission.id}.weights", request.weights_file, save=False)
        if request.upload is not None:
            uploads.discard(request.upload)
            # It was moved to where it is stored; the request closes only what came with it.
            request.weights_file.close()
    try:
        submission.save(force_insert=True)
    except DatabaseError:
        # Nothing names the file any more, so nobody else would remove it.
        drop([str(submission.weights_file)] if submission.weights_file else [])
        raise
    audit.record("submit", submission, by=by, at=at, data={"via": via, "is_recognised": request.is_recognised})
    enqueue(submission, by=by, at=at)
    return submission
