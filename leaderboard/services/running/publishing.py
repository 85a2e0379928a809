"""Put a finished evaluation on the board. Called inside the transaction that closes its run, and from nowhere else."""

import datetime as dt
import hashlib
import itertools
import json
import math
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files import File
from django.db.models import Q, QuerySet

from evaluation import catalogue
from evaluation.attestation import load_or_make_key, make_statement, sign
from evaluation.contract import EvaluationReport
from leaderboard.models import Claim, Entry, Metric, Model, Paper, Result, Run, Score, Submission, Weights
from leaderboard.services import audit
from leaderboard.services.boards import standings
from leaderboard.tables.vocabulary import digest

HASH_PREFIX_DIGITS = 8
# Other precisions are there for speed at home; their scores are other ones.
RANKED_PRECISION = "float32"
STATED = ("resize", "crop", "interpolation")


class ReportRefused(ValueError):
    """The engine's report cannot be published, e.g. it lacks a metric of the benchmark."""


def publish(run: Run, report: EvaluationReport, evidence: Path | None, *, at: dt.datetime) -> Result:
    """Store the result with its scores, entry, weights and claims. Raises: ReportRefused."""
    submission = run.submission
    metrics = {metric.key: metric for metric in submission.benchmark.metrics.all()}
    check_report(report, metrics)
    found = find_entry(submission, report)
    entry = found or make_entry(submission, report)
    weights = attach_weights(entry, submission, report)
    # Other weights under its name say nothing of a model that is known.
    if found or not entry.model.entries.exclude(pk=entry.pk).exists():
        complete_model(entry.model, submission, report)
    result = Result(run=run, entry=entry, weights=weights, report=strip_report(report), created_at=at)
    result.outcomes = report.evidence.get("outcomes", {})
    if evidence is not None:
        with evidence.open("rb") as file:
            result.evidence_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            result.evidence.save(f"{result.id}{evidence.suffix}", File(file), save=False)
    result.attestation = attest(result, submission)
    result.save(force_insert=True)
    Score.objects.bulk_create(
        Score(
            result=result,
            metric=metrics[key],
            value=score.value,
            low=score.low,
            high=score.high,
            correct=score.correct,
            total=score.total,
        )
        for key, score in report.metrics.items()
        if key in metrics
    )
    record_claims(entry, submission, metrics)
    Submission.objects.filter(pk=submission.pk).update(
        entry=entry, weights_sha256=report.weights["sha256"], weights_format=report.weights["format"]
    )
    audit.record("publish", result, by=run.worker, at=at, data={"entry": entry.pk})
    standings.refresh_entry(entry)
    return result


def attest(result: Result, submission: Submission) -> dict[str, object]:
    """Return the signed statement of what was evaluated and what came out."""
    predicate = {
        "result": str(result.id),
        "benchmark": submission.benchmark.slug,
        "model": result.entry.model.name,
        "finished_at": result.created_at.isoformat(),
        "evidence": {"sha256": result.evidence_sha256} if result.evidence_sha256 else None,
        "report": {name: part for name, part in result.report.items() if name != "analysis"},
    }
    statement = make_statement(submission.weights_name or "weights", str(result.report["weights"]["sha256"]), predicate)
    return sign(statement, load_or_make_key(settings.SIGNING_KEY_FILE))


def check_report(report: EvaluationReport, metrics: dict[str, Metric]) -> None:
    """Raises: ReportRefused."""
    if (precision := report.environment.get("precision")) != RANKED_PRECISION:
        raise ReportRefused(f"The evaluation ran in {precision}; only {RANKED_PRECISION} is ranked.")
    for key, metric in metrics.items():
        score = report.metrics.get(key)
        if score is None:
            raise ReportRefused(f"The evaluation gave no {metric.label}.")
        if not all(math.isfinite(v) for v in (score.value, score.low, score.high)) or not metric.holds(score.value):
            raise ReportRefused(f"The evaluation gave {metric.label} {score.value}, which is outside its range.")


def strip_report(report: EvaluationReport) -> dict[str, object]:
    """Return what is stored and shown: everything but the paths of our machines."""
    return {
        "schema_version": report.schema_version,
        "metrics": {key: vars(score) for key, score in report.metrics.items()},
        "weights": {k: v for k, v in report.weights.items() if k != "path"},
        "dataset": {k: v for k, v in report.dataset.items() if k != "path"},
        "protocol": report.protocol,
        "environment": report.environment,
        "timing": report.timing,
        "evidence": {k: v for k, v in report.evidence.items() if k not in ("path", "outcomes")},
        "analysis": report.analysis,
    }


def find_entry(submission: Submission, report: EvaluationReport) -> Entry | None:
    """Return the entry whose weights these are: by content, by address, or by the digest in the published file's name.

    A name alone never matches, so nobody can put other weights under a claim that is not theirs. Nor does an entry
    that states another image size: the same weights may stand on the board once for each.
    """
    entries = Entry.objects.filter(benchmark=submission.benchmark).select_related("model").order_by("id")
    unstated = find_weighed(entries.filter(preprocessing__crop__isnull=True), submission, report)
    if (size := report.protocol.get("crop")) is None:
        return unstated
    return find_weighed(entries.filter(preprocessing__crop=size), submission, report) or unstated


def find_weighed(entries: QuerySet[Entry], submission: Submission, report: EvaluationReport) -> Entry | None:
    """Return the first of the entries whose weights these are."""
    sha256 = str(report.weights["sha256"])
    slug = Model.find_slug(submission.model_name)
    known = entries.filter(weights__sha256=sha256, model__slug=slug)
    # What has come from this address before and was another file says nothing of this one.
    linked = (
        Q(weights__url=submission.weights_url, weights__sha256__in=("", sha256)) if submission.weights_url else None
    )
    at_address = entries.filter(linked).distinct() if linked else entries.none()
    named = entries.filter(weights__url__contains=f"-{sha256[:HASH_PREFIX_DIGITS]}")
    candidates = itertools.chain(
        known,
        # Of several models behind one address, the one that was named.
        sorted(at_address, key=lambda entry: entry.model.slug != slug),
        (entry for entry in named if is_published_file(entry, sha256)),
    )
    return next((entry for entry in candidates if is_same_setting(entry, report)), None)


def is_same_setting(entry: Entry, report: EvaluationReport) -> bool:
    """Tell whether the entry's standing result, if it has one, was taken of the same network on the same inputs."""
    standing = entry.results.filter(retracted_at=None).order_by("-created_at")
    # The rest of a report is long.
    found = standing.values_list("report__protocol", "report__weights__architecture").first()
    if found is None:
        return True
    before = {**(found[0] or {}), "architecture": found[1]}
    now = {**report.protocol, "architecture": report.weights.get("architecture")}
    # Reports from before there was a field do not name it.
    return all(before.get(name, value) == value for name, value in now.items())


def is_published_file(entry: Entry, sha256: str) -> bool:
    stems = (PurePosixPath(urlsplit(weights.url).path).stem for weights in entry.weights.all())
    digests = (stem.rpartition("-")[2] for stem in stems if "-" in stem)
    return any(len(digest) >= HASH_PREFIX_DIGITS and sha256.startswith(digest) for digest in digests)


def make_entry(submission: Submission, report: EvaluationReport) -> Entry:
    slug = Model.find_slug(submission.model_name)
    model, _ = Model.objects.get_or_create(slug=slug, defaults={"name": submission.model_name})
    code = [{"label": submission.framework, "url": submission.code_url}] if submission.code_url else []
    entry, _ = Entry.objects.get_or_create(
        benchmark=submission.benchmark,
        model=model,
        variant=name_variant(submission, report),
        defaults={"code_urls": code, "preprocessing": state_images(submission)},
    )
    return entry


def name_variant(submission: Submission, report: EvaluationReport) -> str:
    """Return what tells these weights, prepared for as they were, from the model's other rows."""
    digits = str(report.weights["sha256"])[:12]
    setting = {**report.protocol, "architecture": report.weights.get("architecture")}
    taken = Entry.objects.filter(
        benchmark=submission.benchmark, model__slug=Model.find_slug(submission.model_name), variant=digits
    ).exists()
    return f"{digits} {digest(json.dumps(setting, sort_keys=True))}" if taken else digits


def state_images(submission: Submission) -> dict[str, object]:
    """Return what is declared of the images, by which rows of the same weights are told apart."""
    if submission.benchmark.protocol.preprocessing or not submission.protocol:
        return {}
    return {name: submission.protocol[name] for name in STATED if submission.protocol.get(name)}


def attach_weights(entry: Entry, submission: Submission, report: EvaluationReport) -> Weights:
    """Return the entry's row of these weights, made or completed with their digest."""
    facts = {
        "sha256": report.weights["sha256"],
        "content_sha256": report.weights.get("content_sha256", ""),
        "size_bytes": submission.weights_size_bytes,
        "format": report.weights["format"],
    }
    weights = find_weights(entry, submission, str(facts["sha256"]))
    if weights is None:
        # Another file has come from this address: it stays that one's.
        is_taken = Weights.objects.filter(model=entry.model, url=submission.weights_url).exists()
        address = "" if is_taken else submission.weights_url
        weights = Weights(model=entry.model, framework=submission.framework, url=address)
    for name, value in facts.items():
        setattr(weights, name, value if value is not None else getattr(weights, name))
    if submission.weights_file and not weights.file:
        weights.file = submission.weights_file.name
    weights.save()
    entry.weights.add(weights)
    return weights


def find_weights(entry: Entry, submission: Submission, sha256: str) -> Weights | None:
    of_model = Weights.objects.filter(model=entry.model)
    if submission.weights_url:
        linked = of_model.filter(url=submission.weights_url, sha256__in=("", sha256))
        if found := linked.filter(framework__iexact=submission.framework).first() or linked.first():
            return found
    if known := of_model.filter(framework=submission.framework, sha256=sha256).first():
        return known
    published = f"-{sha256[:HASH_PREFIX_DIGITS]}"
    return entry.weights.filter(url__contains=published).first() if is_published_file(entry, sha256) else None


def complete_model(model: Model, submission: Submission, report: EvaluationReport) -> None:
    """Fill in what the catalogue did not know; nothing known is overwritten."""
    found: dict[str, Any] = {}
    for name in ("parameters", "multiply_adds"):
        if getattr(model, name) is None and report.weights.get(name) is not None:
            found[name] = report.weights[name]
    if not model.architecture and catalogue.find(str(report.weights.get("architecture"))):
        found["architecture"] = report.weights["architecture"]
    if model.paper is None and submission.paper_url:
        found["paper"], _ = Paper.objects.get_or_create(url=submission.paper_url)
    for name, value in found.items():
        setattr(model, name, value)
    if found:
        # Saved for nothing, it would make the model's other boards stale.
        model.save(update_fields=list(found))


def record_claims(entry: Entry, submission: Submission, metrics: dict[str, Metric]) -> None:
    for key, value in submission.claims.items():
        # Who evaluates it again takes nobody's claim back, nor their own; theirs stays on the submission's page.
        others = Claim.objects.filter(entry=entry, metric__key=key, withdrawn_at=None)
        others = others.exclude(source=submission.claim_source)
        if key in metrics and not others.exists():
            Claim.objects.update_or_create(
                entry=entry,
                metric=metrics[key],
                source=submission.claim_source,
                defaults={"value": value, "text": f"{value:.15g}"},
            )
