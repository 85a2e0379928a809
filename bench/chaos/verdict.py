"""What the storm has done to the submissions: lost, doubled, stuck, wrong. Told from the database and the files."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage

from bench.chaos.scene import BENCHMARK, Planned
from bench.chaos.storm import Storm
from evaluation.folders import find_root
from leaderboard.models import AuditEvent, Entry, Part, Result, Run, Standing, Submission
from leaderboard.states import SETTLED


@dataclass
class Verdict:
    """Each finding is one line; all lists are empty where the portal held."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    poison: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.wrong or self.left)


def judge(storm: Storm, expected: dict[str, str]) -> Verdict:
    verdict = Verdict()
    for planned in storm.plan:
        judge_submission(planned, storm, expected, verdict)
    # What the portal stored beyond what it acknowledged came of a request that was sent again.
    surplus = Submission.objects.exclude(pk__in=storm.sent.values())
    verdict.doubled += [f"{each.model_name}: a second submission" for each in surplus]
    judge_board(verdict)
    judge_leftovers(verdict)
    verdict.attempts = Counter(Run.objects.values_list("state", flat=True))
    return verdict


def judge_submission(planned: Planned, storm: Storm, expected: dict[str, str], verdict: Verdict) -> None:
    identifier = storm.sent.get(planned.number)
    submission = Submission.objects.filter(pk=identifier).first() if identifier else None
    if submission is None:
        verdict.lost.append(f"{planned.name}: not there")
        return
    verdict.states[submission.state] += 1
    results = Result.objects.filter(run__submission=submission)
    told = f"{planned.name}: {submission.state} {submission.state_reason}".strip()
    wanted = "cancelled" if identifier in storm.cancelled else planned.expected
    if planned.is_poison:
        attempts = list(submission.runs.order_by("attempt").values_list("state", flat=True))
        verdict.poison.append(f"{told} ({len(attempts)} attempts)")
        if wanted == "stalled" and attempts != ["lost"] * settings.MAX_ATTEMPTS:
            verdict.wrong.append(f"{planned.name}: poison after the attempts {attempts}")
    if submission.state not in SETTLED or (submission.state == "stalled" and wanted != "stalled"):
        verdict.stuck.append(told)
    elif submission.state != wanted:
        verdict.wrong.append(f"{told}, expected {wanted}")
    if (count := results.count()) > (wanted == "verified"):
        verdict.doubled.append(f"{planned.name}: {count} results")
    for result in results:
        judge_evidence(planned, result, expected, verdict)


def judge_evidence(planned: Planned, result: Result, expected: dict[str, str], verdict: Verdict) -> None:
    with result.evidence.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest == result.evidence_sha256 == expected[planned.weights.name]:
        verdict.wrong.append(f"{planned.name}: evidence {digest[:12]}, noted {result.evidence_sha256[:12]}")


def judge_board(verdict: Verdict) -> None:
    """Is each result on the board once, and nothing else?"""
    entries = Entry.objects.filter(benchmark__slug=BENCHMARK)
    results = Result.objects.count()
    for name, count in Counter(entries.values_list("model__name", flat=True)).items():
        if count > 1:
            verdict.doubled.append(f"{name}: {count} entries")
    ranked = Standing.objects.filter(entry__in=entries, metric__key="top1", rank__isnull=False).count()
    published = AuditEvent.objects.filter(action="publish").count()
    if not results == entries.count() == ranked == published:
        counts = f"{results} results, {entries.count()} entries, {ranked} ranked, {published} published"
        verdict.wrong.append(f"the board does not add up: {counts}")


def judge_leftovers(verdict: Verdict) -> None:
    """Does anything still claim to be under way, or lie on a disk that nobody will ever clear?"""
    verdict.left += [
        f"{part}: still {part.state}" for part in Part.objects.exclude(state__in=["finished", "cancelled"])
    ]
    verdict.left += [f"{run}: still {run.state}" for run in Run.objects.filter(state__in=["queued", "running"])]
    verdict.left += [f"work folder {path.name}" for path in find_root().glob("*")]
    verdict.left += [f"outcomes {path.name}" for path in Path(default_storage.path("parts")).rglob("*.npz")]
    named = set(Result.objects.values_list("evidence", flat=True))
    stored = Path(default_storage.path("evidence")).rglob("*.npz")
    unnamed = [path for path in stored if str(path.relative_to(default_storage.path(""))) not in named]
    verdict.left += [f"evidence {path.name} of no result" for path in unnamed]
