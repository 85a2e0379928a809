"""Check what a form or the API sends before anything is stored. All validation of a submission is here."""

import difflib
import math
import re
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import URLValidator
from django.utils.translation import gettext as _

from evaluation.contract import BACKGROUNDS, InputFault
from evaluation.fetch import check_url
from leaderboard.models import Benchmark, Metric, Submission
from leaderboard.queries.bans import find_ban
from leaderboard.sentences import say
from leaderboard.services.refusals import Refusals, RequestRefused
from leaderboard.services.submitting.architectures import check_outputs, read_architecture
from leaderboard.services.submitting.files import check_file, digest, receive
from leaderboard.services.submitting.protocols import find_published, read_protocol
from leaderboard.services.submitting.quota import count_left, say_quota
from leaderboard.services.submitting.submissions import SubmissionRequest, find_earlier, refuse_repeated

CLAIM_PREFIX = "claim_"
LONGEST_KEY = 100
SHA256 = re.compile(r"[0-9a-f]{64}")
check_web_address = URLValidator(schemes=["http", "https"])


def read_request(
    fields: Mapping[str, str], sent: "UploadedFile[Any] | None", *, by: AbstractBaseUser
) -> SubmissionRequest:
    """Return the checked request.

    Raises: RequestRefused with every refusal at once; Repeated where the same request came before, KeyReused where
    another one came with its key.
    """
    refusals = Refusals()
    values = {key: str(value).strip() for key, value in fields.items()}
    # Before the file is looked at: a repeated request is answered with what the first one made.
    if earlier := find_earlier(read_key(values.get("request_key", ""), refusals), by=by):
        refuse_repeated(earlier, read_said(values, sent, earlier))
    check_account(by, refusals)
    benchmark = find_benchmark(values.get("benchmark", ""), refusals)
    received = receive(sent, values.get("upload", ""), by=by, refusals=refusals)
    upload, file = received.file, check_file(received, refusals)
    architecture = read_architecture(values.get("architecture", ""), file, refusals)
    background = read_background(values.get("background", ""), refusals)
    check_outputs(file, architecture.name, benchmark, background, refusals)
    published = find_published(architecture.name, file.verdict)
    draft = partial(
        SubmissionRequest,
        model_name=read_text(values, "model_name", _("Give the model's name."), refusals),
        architecture=architecture.name,
        is_recognised=architecture.is_recognised,
        framework=read_framework(values),
        weights_file=upload,
        upload=received.upload,
        weights_name=name_file(upload, values),
        weights_url=read_weights_url(values.get("weights_url", ""), upload, refusals),
        weights_sha256=read_sha256(values.get("weights_sha256", ""), file.sha256, refusals),
        weights_size_bytes=upload.size if upload else None,
        weights_format=file.verdict.format if file.verdict else "",
        claims=read_claims(values, benchmark, refusals),
        protocol=read_protocol(values, benchmark, published, refusals),
        background=background,
        request_key=values.get("request_key", ""),
        paper_url=read_web_address(values, "paper_url", refusals),
        code_url=read_web_address(values, "code_url", refusals),
    )
    if refusals.errors or benchmark is None:
        received.drop()
        raise RequestRefused(refusals.errors)
    return draft(benchmark=benchmark)


def read_said(values: Mapping[str, str], sent: "UploadedFile[Any] | None", earlier: Submission) -> dict[str, object]:
    """Return what a request says that comes after an earlier one with its key, as it would be stored.

    Nothing is checked that takes long: of a file that is here again its digest alone is asked for.
    """
    refusals = Refusals()
    benchmark = Benchmark.objects.select_related("protocol").filter(slug=values.get("benchmark", "")).first()
    names = ("model_name", "architecture", "weights_url", "paper_url", "code_url")
    said: dict[str, object] = {name: values.get(name, "") for name in names}
    said |= {
        "benchmark_id": benchmark and benchmark.pk,
        "framework": read_framework(values),
        "weights_sha256": values.get("weights_sha256", "").lower() or digest_again(sent, earlier),
        "background": read_background(values.get("background", ""), refusals),
        "claims": read_claims(values, benchmark, refusals),
    }
    # What is published for a graph of one's own only its file tells.
    if earlier.architecture:
        published = find_published(earlier.architecture, None)
        said["protocol"] = read_protocol(values, benchmark, published, refusals)
    # What would be refused never made a submission.
    return said | ({"claims": None} if refusals.errors else {})


def digest_again(sent: "UploadedFile[Any] | None", earlier: Submission) -> str:
    """Return the digest of a file that is sent again, "" where there is none."""
    if sent is None:
        return ""
    # One of another size is another file.
    return digest(sent) if sent.size == earlier.weights_size_bytes else "other"


def check_account(by: AbstractBaseUser, refusals: Refusals) -> None:
    if reason := find_ban(by):
        refusals.add("", reason)
    elif not count_left(by):
        refusals.add("", say_quota())


def find_benchmark(slug: str, refusals: Refusals) -> Benchmark | None:
    benchmark = Benchmark.objects.select_related("split__dataset", "protocol").filter(slug=slug).first()
    if benchmark is None:
        known = Benchmark.objects.values_list("slug", flat=True)
        near = difflib.get_close_matches(slug, known, n=3, cutoff=0.3) or sorted(known)[:3]
        sentence = _("There is no benchmark “%(slug)s”; the nearest are: %(near)s.")
        if not slug:
            sentence = _("Give the benchmark, such as one of: %(near)s.")
        refusals.add("benchmark", sentence % {"slug": slug[:100], "near": ", ".join(near) or _("none yet")})
    elif not benchmark.takes_submissions:
        refusals.add(
            "benchmark", _("This benchmark's images are not registered here yet, so nothing can be evaluated on it.")
        )
    return benchmark


def read_key(key: str, refusals: Refusals) -> str:
    if len(key) > LONGEST_KEY or not key.isprintable():
        refusals.add(
            "request_key", _("The key of a request is at most %(n)s printable characters.") % {"n": LONGEST_KEY}
        )
        return ""
    return key


def read_text(values: Mapping[str, str], key: str, missing: str, refusals: Refusals) -> str:
    text = values.get(key, "")
    if not text:
        refusals.add(key, missing)
    elif len(text) > 200:
        refusals.add(key, _("At most 200 characters, please."))
    elif not text.isprintable():
        refusals.add(key, _("This holds characters that cannot be printed; type it again."))
    return text


def read_framework(values: Mapping[str, str]) -> str:
    return values.get("framework", "")[:40] or "PyTorch"


def read_weights_url(url: str, upload: "UploadedFile[Any] | None", refusals: Refusals) -> str:
    if upload is not None and url:
        refusals.add("weights_url", _("Give either a file or an address, not both."))
    elif upload is None and not url and "upload" not in refusals.errors:
        refusals.add("weights", _("Choose a weights file, or give its address below."))
    elif url:
        try:
            check_url(url, allow_private=settings.FETCH_ALLOW_PRIVATE)
        except InputFault as fault:
            refusals.add("weights_url", say(str(fault)))
    return url


def name_file(upload: "UploadedFile[Any] | None", values: Mapping[str, str]) -> str:
    """Return what the submitter's file is called, or the last part of its address."""
    name = upload.name if upload else values.get("weights_url", "").partition("?")[0].rpartition("/")[2]
    return (name or "")[:200]


def read_sha256(text: str, digest: str, refusals: Refusals) -> str:
    """Return the file's digest: the computed one of an upload, the declared one of an address."""
    text = text.lower()
    if text and not SHA256.fullmatch(text):
        refusals.add("weights_sha256", _("A sha256 is 64 hexadecimal digits; `sha256sum FILE` prints it."))
    elif text and digest and not secrets.compare_digest(text, digest):
        refusals.add(
            "weights_sha256",
            _("The file's sha256 is %(found)s…, you gave %(given)s…: upload the right file or mend the digest.")
            % {"found": digest[:12], "given": text[:12]},
        )
    return digest or text


def read_claims(values: Mapping[str, str], benchmark: Benchmark | None, refusals: Refusals) -> dict[str, float]:
    metrics = {metric.key: metric for metric in benchmark.metrics.all()} if benchmark else {}
    claims: dict[str, float] = {}
    for field, text in values.items():
        key = field.removeprefix(CLAIM_PREFIX)
        if key == field or not text:
            continue
        if benchmark is not None and key not in metrics:
            known = ", ".join(metrics)
            refusals.add(
                field, _("This benchmark has no metric “%(key)s”; it has %(known)s.") % {"key": key, "known": known}
            )
        elif key in metrics:
            value = read_score(text, field, metrics[key], refusals)
            claims |= {key: value} if value is not None else {}
    return claims


def read_score(text: str, field: str, metric: Metric, refusals: Refusals) -> float | None:
    try:
        # Chinese keyboards write it full-width.
        value = float(text.replace("％", "%").removesuffix("%").strip())
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        refusals.add(field, _("“%(text)s” is no number; write it like 76.13.") % {"text": text[:40]})
        return None
    if not metric.holds(value):
        refusals.add(
            field,
            _("%(label)s lies between %(low)g and %(high)g; %(value)g cannot be.")
            % {"label": metric.label, "low": metric.minimum, "high": metric.maximum, "value": value},
        )
        return None
    return value


def read_background(text: str, refusals: Refusals) -> str:
    if text and text not in BACKGROUNDS:
        refusals.add("background", _("Use one of %(known)s.") % {"known": ", ".join(BACKGROUNDS)})
    return text or BACKGROUNDS[0]


def read_web_address(values: Mapping[str, str], key: str, refusals: Refusals) -> str:
    url = values.get(key, "")
    if url:
        try:
            check_web_address(url)
            if len(url) > 1000:
                raise ValidationError("too long")
        except ValidationError:
            refusals.add(key, _("Give a whole address that begins with https:// or http://."))
    return url
