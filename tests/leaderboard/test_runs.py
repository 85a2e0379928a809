import dataclasses
import datetime as dt
from pathlib import Path

import pytest
from django.conf import LazySettings

from evaluation.contract import Progress
from leaderboard.models import AuditEvent, Claim, Entry, Result, Run, Standing, Submission
from leaderboard.services.moderating import moderation
from leaderboard.services.running import publishing, runs
from leaderboard.services.running.attempts import cancel, enqueue
from leaderboard.services.running.publishing import ReportRefused
from leaderboard.states import TransitionRefused
from tests.factories import NOW, claim_run, make_benchmark, make_entry, make_report, make_submission, make_user

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(seconds=60)


@pytest.fixture
def run() -> Run:
    user = make_user()
    submission = make_submission(make_benchmark(), user, claims={"top1": 91.73})
    return enqueue(submission, by=user, at=NOW)


def reload(run: Run) -> tuple[str, str]:
    fresh = Run.objects.select_related("submission").get(pk=run.pk)
    return fresh.state, fresh.submission.state


def test_of_two_workers_one_gets_the_run(run: Run) -> None:
    assert runs.claim_run(run.pk, worker="a", at=NOW) is not None
    assert runs.claim_run(run.pk, worker="b", at=NOW) is None
    assert reload(run) == ("running", "running")


def test_a_run_that_does_not_exist_is_not_claimed() -> None:
    assert runs.claim_run(4711, worker="a", at=NOW) is None


def test_renewing_stores_progress_and_log_and_moves_the_lease(run: Run) -> None:
    held = claim_run(run, at=NOW)
    assert held.token is not None
    assert runs.renew_lease(held.pk, held.token, Progress("predicting", 64, 1000), "loading\n", at=LATER)
    fresh = Run.objects.get(pk=run.pk)
    assert (fresh.stage, fresh.done, fresh.total, fresh.log) == (
        "predicting",
        64,
        1000,
        "12:00:00 taken by worker-a\nloading\n",
    )
    assert fresh.lease_expires_at is not None
    assert fresh.lease_expires_at > LATER


def test_log_is_bounded(run: Run) -> None:
    held = claim_run(run)
    assert held.token is not None
    for _ in range(3):
        runs.renew_lease(held.pk, held.token, Progress("loading"), "x" * 20_000, at=NOW)
    assert len(Run.objects.get(pk=run.pk).log) == runs.LOG_CHARACTERS


def test_expired_lease_returns_the_run_and_its_old_worker_can_publish_nothing(run: Run) -> None:
    old = claim_run(run, at=NOW)
    assert runs.reconcile(at=LATER).lost == 1
    assert old.token is not None
    assert not runs.renew_lease(old.pk, old.token, Progress("predicting"), "", at=LATER)
    with pytest.raises(TransitionRefused):
        runs.record_report(old.pk, old.token, make_report(), None, at=LATER)
    again = Run.objects.get(submission=run.submission, state="queued")
    new = claim_run(again, worker="worker-b", at=LATER)
    assert new.token is not None
    runs.record_report(new.pk, new.token, make_report(), None, at=LATER)
    assert Result.objects.count() == 1
    assert reload(run) == ("lost", "verified")


def test_a_living_lease_is_left_alone(run: Run) -> None:
    claim_run(run, at=NOW)
    assert runs.reconcile(at=NOW + dt.timedelta(seconds=1)).lost == 0


def test_a_run_that_always_loses_its_worker_is_stalled_with_its_reason(run: Run, settings: LazySettings) -> None:
    at = NOW
    for _ in range(settings.MAX_ATTEMPTS):
        claim_run(Run.objects.get(submission=run.submission, state="queued"), at=at)
        at += dt.timedelta(minutes=5)
        runs.reconcile(at=at)
    submission = Submission.objects.get(pk=run.submission_id)
    assert submission.state == "stalled"
    assert "stopped answering" in submission.state_reason
    assert not Run.objects.filter(state__in=["queued", "running"]).exists()


def test_an_admin_starts_a_stalled_submission_with_fresh_attempts(run: Run, settings: LazySettings) -> None:
    settings.MAX_ATTEMPTS = 1
    claim_run(run, at=NOW)
    runs.reconcile(at=LATER)
    submission = Submission.objects.get(pk=run.submission_id)
    again = moderation.rerun(submission, by=make_user("admin"), at=LATER, reason="The disk was full.")
    assert (again.state, again.losses, again.attempt) == ("queued", 0, 2)


def test_nudges_that_nobody_followed_are_repeated_once_in_a_while(run: Run) -> None:
    soon = NOW + dt.timedelta(seconds=runs.NUDGE_AGAIN_SECONDS + 1)
    assert runs.reconcile(at=NOW).nudged == 0
    assert runs.reconcile(at=soon).nudged == 1
    assert runs.reconcile(at=soon).nudged == 0


def test_fault_of_the_file_closes_the_submission_with_its_reason(run: Run) -> None:
    held = claim_run(run)
    assert held.token is not None
    runs.record_fault(held.pk, held.token, "The file is truncated.", at=LATER)
    assert reload(run) == ("failed", "failed")
    assert Submission.objects.get(pk=run.submission_id).state_reason == "The file is truncated."
    assert not Result.objects.exists()


def test_cancelling_takes_the_run_from_its_worker(run: Run) -> None:
    held = claim_run(run)
    submission = Submission.objects.get(pk=run.submission_id)
    cancel(submission, by=make_user("other"), at=LATER)
    assert held.token is not None
    assert not runs.renew_lease(held.pk, held.token, Progress("predicting"), "", at=LATER)
    assert reload(run) == ("cancelled", "cancelled")


def test_published_result_stands_with_scores_claim_verdict_and_rank(run: Run) -> None:
    held = claim_run(run)
    assert held.token is not None
    runs.record_report(held.pk, held.token, make_report(top1=81.03), None, at=LATER)
    entry = Entry.objects.get()
    assert (entry.status, entry.verdict, entry.verified_at) == ("mismatch", "below", LATER)
    standing = Standing.objects.get(entry=entry, metric__key="top1")
    assert (standing.claimed, standing.verified, standing.rank) == (91.73, 81.03, 1)
    assert entry.model.parameters == 272_474
    assert entry.weights.get().sha256.startswith("12fca82f")


def test_evidence_file_is_kept_with_the_result(run: Run, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence.npz"
    evidence.write_bytes(b"columns")
    held = claim_run(run)
    assert held.token is not None
    runs.record_report(held.pk, held.token, make_report(), evidence, at=LATER)
    with Result.objects.get().evidence.open("rb") as stored:
        assert stored.read() == b"columns"


def test_report_without_a_metric_of_the_benchmark_publishes_nothing(run: Run) -> None:
    report = make_report()
    del report.metrics["top5"]
    held = claim_run(run)
    assert held.token is not None
    with pytest.raises(ValueError, match="Acc@5"):
        runs.record_report(held.pk, held.token, report, None, at=LATER)
    assert not Result.objects.exists()
    assert reload(run) == ("running", "running")


def test_score_in_another_precision_is_never_ranked(run: Run) -> None:
    held = claim_run(run)
    assert held.token is not None
    report = dataclasses.replace(make_report(), environment={"precision": "bfloat16"})
    with pytest.raises(ReportRefused, match="ran in bfloat16; only float32 is ranked"):
        runs.record_report(held.pk, held.token, report, None, at=NOW)
    assert reload(run) == ("running", "running")
    assert not Result.objects.exists()


def test_weights_at_a_claimed_address_verify_that_claim(run: Run) -> None:
    entry = make_entry(run.submission.benchmark, "DenseNet-121", claims={"top1": 74.4})
    run.submission.weights_url = entry.weights.get().url
    run.submission.save()
    held = claim_run(run)
    assert held.token is not None
    runs.record_report(held.pk, held.token, make_report(top1=74.43), None, at=LATER)
    assert Result.objects.get().entry == entry


def test_run_verifies_the_claim_at_its_own_image_size(run: Run) -> None:
    benchmark = run.submission.benchmark
    small, large = (make_entry(benchmark, "Net", claims={"top1": value}) for value in (80.1, 81.03))
    for entry, side in ((small, 224), (large, 288)):
        entry.preprocessing = {"crop": side}
        entry.save()
    large.weights.set(small.weights.all())
    run.submission.weights_url = small.weights.get().url
    run.submission.save()
    held = claim_run(run)
    assert held.token is not None
    report = make_report()
    report.protocol["crop"] = 288
    runs.record_report(held.pk, held.token, report, None, at=LATER)
    assert Result.objects.get().entry == large
    other = make_submission(benchmark, make_user("other"), weights_url=run.submission.weights_url)
    report.protocol["crop"] = 320
    assert publishing.find_entry(other, report) is None


def test_a_claimed_name_alone_does_not_give_its_entry_away(run: Run) -> None:
    claimed = make_entry(run.submission.benchmark, "ResNet-20", claims={"top1": 91.0})
    held = claim_run(run)
    assert held.token is not None
    runs.record_report(held.pk, held.token, make_report(), None, at=LATER)
    claimed.refresh_from_db()
    assert claimed.status == "claimed"
    assert Entry.objects.filter(model=claimed.model).count() == 2


def test_result_stands_under_no_other_name(run: Run) -> None:
    make_entry(run.submission.benchmark, "VAE")
    run.submission.model_name = "β-VAE"
    run.submission.save()
    held = claim_run(run)
    assert held.token is not None
    runs.record_report(held.pk, held.token, make_report(), None, at=LATER)
    assert Result.objects.get().entry.model.name == "β-VAE"


def test_digest_in_a_published_file_name_identifies_its_entry(run: Run) -> None:
    entry = make_entry(run.submission.benchmark, "ResNet-20")
    entry.weights.update(url="https://example.org/resnet20-12fca82f.th")
    held = claim_run(run)
    assert held.token is not None
    runs.record_report(held.pk, held.token, make_report(), None, at=LATER)
    assert Result.objects.get().entry == entry


def test_retracted_result_keeps_its_history_and_leaves_the_board(run: Run) -> None:
    held = claim_run(run)
    assert held.token is not None
    runs.record_report(held.pk, held.token, make_report(), None, at=LATER)
    submission = Submission.objects.get(pk=run.submission_id)
    moderation.retract(submission, by=make_user("admin"), at=LATER, reason="Trained on the test images.")
    result = Result.objects.get()
    assert result.retraction_reason == "Trained on the test images."
    assert result.scores.count() == 2
    standing = Standing.objects.get(entry=result.entry, metric__key="top1")
    assert (standing.verified, standing.rank, result.entry.status) == (None, None, "claimed")
    assert Claim.objects.count() == 1


def test_moderation_without_a_reason_is_refused(run: Run) -> None:
    with pytest.raises(moderation.ReasonRequired):
        moderation.reject(run.submission, by="admin", at=NOW, reason="  ")


def test_every_move_leaves_its_line_in_the_trail(run: Run) -> None:
    held = claim_run(run)
    assert held.token is not None
    runs.record_report(held.pk, held.token, make_report(), None, at=LATER)
    trail = AuditEvent.objects.filter(target_type="submission").order_by("id").values_list("from_state", "to_state")
    assert list(trail) == [("submitted", "queued"), ("queued", "running"), ("running", "verified")]
