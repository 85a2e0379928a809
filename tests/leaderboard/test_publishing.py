"""Where a result goes: to which row, beside which claim, and what a further attempt leaves as it is."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from leaderboard.models import Benchmark, Claim, Entry, Result, Standing, Submission, Weights
from leaderboard.services.boards.standings import refresh_benchmark
from leaderboard.services.moderating import moderation
from leaderboard.services.running import runs
from leaderboard.services.running.attempts import cancel, enqueue
from leaderboard.states import TransitionRefused
from portal.accounts.models import User
from tests.factories import NOW, claim_run, make_benchmark, make_entry, make_report, make_submission, make_user

pytestmark = pytest.mark.django_db
ADDRESS = "https://example.org/net.pth"


@pytest.fixture
def board() -> Benchmark:
    return make_benchmark()


@pytest.fixture
def lin() -> User:
    return make_user("lin")


class Clock:
    """Each result is a minute later than the one before."""

    def __init__(self) -> None:
        self.now = NOW

    def tick(self) -> dt.datetime:
        self.now += dt.timedelta(minutes=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def evaluate(
    board: Benchmark,
    by: User,
    clock: Clock,
    top1: float,
    *,
    sha256: str = "ab" * 32,
    crop: int | None = None,
    **fields: Any,
) -> Submission:
    """Submit, and record a result."""
    submission = make_submission(board, by, **{"model_name": "Net", "weights_url": ADDRESS} | fields)
    enqueue(submission, by=by, at=clock.now)
    run = claim_run(submission.runs.get(state="queued"))
    report = make_report(top1, sha256=sha256)
    report.protocol["crop"] = crop
    assert run.token is not None
    runs.record_report(run.pk, run.token, report, None, at=clock.tick())
    submission.refresh_from_db()
    return submission


def read_rows(board: Benchmark) -> list[tuple[str, float | None, float | None, str]]:
    """Return model, claim, verified score and status of the board's rows."""
    standings = Standing.objects.filter(benchmark=board, metric__key="top1").order_by("entry")
    return list(standings.values_list("entry__model__name", "claimed", "verified", "entry__status"))


def test_nobody_takes_a_claim_back_by_claiming_less(board: Benchmark, lin: User, clock: Clock) -> None:
    entry = make_entry(board, "Net", claims={"top1": 91.73})
    address = entry.weights.get().url
    evaluate(board, lin, clock, 81.03, weights_url=address)
    evaluate(board, make_user("eve"), clock, 81.03, weights_url=address, claims={"top1": 81.03})
    assert read_rows(board) == [("Net", 91.73, 81.03, "mismatch")]


def test_nobody_puts_a_mismatch_on_another_row(board: Benchmark, lin: User, clock: Clock) -> None:
    evaluate(board, lin, clock, 81.03, claims={"top1": 81.0})
    theirs = evaluate(board, make_user("eve"), clock, 81.03, claims={"top1": 99.0})
    assert read_rows(board) == [("Net", 81.0, 81.03, "verified")]
    assert theirs.claims == {"top1": 99.0}


def test_withdrawn_claim_makes_room_for_another(board: Benchmark, lin: User, clock: Clock) -> None:
    entry = make_entry(board, "Net", claims={"top1": 91.73})
    Claim.objects.update(withdrawn_at=NOW)
    evaluate(board, lin, clock, 81.03, weights_url=entry.weights.get().url, claims={"top1": 81.03})
    assert read_rows(board) == [("Net", 81.03, 81.03, "verified")]


def test_claim_keeps_its_digits(board: Benchmark, lin: User, clock: Clock) -> None:
    evaluate(board, lin, clock, 76.13, claims={"top1": 76.1304567, "top5": 92.86})
    assert sorted(claim.text for claim in Claim.objects.all()) == ["76.1304567", "92.86"]


def test_weights_prepared_for_otherwise_are_another_row(board: Benchmark, lin: User, clock: Clock) -> None:
    small = evaluate(board, lin, clock, 80.0, crop=224)
    large = evaluate(board, make_user("eve"), clock, 82.0, crop=288, protocol={"resize": 320, "crop": 288})
    again = evaluate(board, lin, clock, 80.0, crop=224)
    assert [row[2] for row in read_rows(board)] == [80.0, 82.0]
    assert small.entry == again.entry != large.entry
    assert large.entry is not None
    assert large.entry.image_size == 288
    once_more = evaluate(board, lin, clock, 82.0, crop=288, protocol={"resize": 320, "crop": 288})
    assert once_more.entry == large.entry


def test_file_that_was_changed_at_its_address_is_another_row(board: Benchmark, lin: User, clock: Clock) -> None:
    evaluate(board, lin, clock, 80.0, sha256="aa" * 32)
    evaluate(board, lin, clock, 70.0, sha256="bb" * 32)
    assert [row[2] for row in read_rows(board)] == [80.0, 70.0]
    for result in Result.objects.select_related("weights"):
        assert result.weights is not None
        assert result.weights.sha256 == result.report["weights"]["sha256"]


def test_of_two_models_at_one_address_the_named_one_is_verified(board: Benchmark, lin: User, clock: Clock) -> None:
    address = make_entry(board, "Alpha", claims={"top1": 70.0}).weights.get().url
    beta = make_entry(board, "Beta", claims={"top1": 81.0})
    beta.weights.set([Weights.objects.create(model=beta.model, framework="PyTorch", url=address)])
    submission = evaluate(board, lin, clock, 81.0, model_name="Beta", weights_url=address, framework="pytorch")
    assert submission.entry == beta
    assert [weights.framework for weights in beta.weights.all()] == ["PyTorch"]


def test_other_weights_say_nothing_of_a_model_that_is_known(board: Benchmark, lin: User, clock: Clock) -> None:
    known = make_entry(board, "ViT-Huge", claims={"top1": 90.0}).model
    evaluate(board, lin, clock, 60.0, model_name="ViT-Huge", paper_url="https://example.org/another-paper")
    known.refresh_from_db()
    assert (known.parameters, known.architecture, known.paper) == (None, "", None)


@pytest.mark.parametrize("end", ["cancel", "fail", "reject"])
def test_score_outlasts_another_attempt_that_comes_to_nothing(
    end: str, board: Benchmark, lin: User, clock: Clock
) -> None:
    submission, admin = evaluate(board, lin, clock, 81.0), make_user("admin", is_staff=True)
    moderation.rerun(submission, by=admin, at=clock.tick(), reason="A newer engine.")
    submission.refresh_from_db()
    visitor = Client()
    page = visitor.get(submission.get_absolute_url())
    assert page.status_code == 200
    assert "81.00" in page.content.decode()
    submission.runs.filter(state="queued").update(log="a line of the log")
    assert "a line of the log" not in visitor.get(submission.get_absolute_url()).content.decode()
    if end == "fail":
        run = claim_run(submission.runs.get(state="queued"))
        assert run.token is not None
        runs.record_fault(run.pk, run.token, "The address is gone.", at=clock.tick())
    elif end == "reject":
        moderation.reject(submission, by=admin, at=clock.tick(), reason="No.")
    else:
        cancel(submission, by=lin, at=clock.tick())
    submission.refresh_from_db()
    assert submission.state == "verified"
    assert visitor.get(submission.get_absolute_url()).status_code == 200
    assert read_rows(board)[0][2] == 81.0
    moderation.retract(submission, by=admin, at=clock.tick(), reason="Trained on the test images.")
    assert read_rows(board)[0][2] is None


def test_attempt_that_comes_to_nothing_verifies_nothing(board: Benchmark, lin: User, clock: Clock) -> None:
    submission, admin = evaluate(board, lin, clock, 81.0), make_user("admin", is_staff=True)
    moderation.retract(submission, by=admin, at=clock.tick(), reason="Trained on the test images.")
    moderation.rerun(submission, by=admin, at=clock.tick(), reason="To be sure.")
    submission.refresh_from_db()
    cancel(submission, by=lin, at=clock.tick())
    submission.refresh_from_db()
    assert submission.state == "cancelled"
    assert read_rows(board)[0][2] is None
    with pytest.raises(TransitionRefused):
        moderation.retract(submission, by=admin, at=clock.tick(), reason="Again.")


def test_verify_fills_in_what_can_be_evaluated_and_the_latest_claim(board: Benchmark, lin: User) -> None:
    entry = make_entry(board, "Inception-v3", claims={"top1": 76.0})
    claim = entry.claims.get()
    Claim.objects.create(entry=entry, metric=claim.metric, value=78.0, text="78.0", source="its paper")
    files = {"TensorFlow": "https://example.org/tf.tar.gz", "PyTorch": "https://example.org/net.pth"}
    entry.weights.set([Weights.objects.create(model=entry.model, framework=k, url=url) for k, url in files.items()])
    codes = [{"label": name, "url": f"https://example.org/{name}"} for name in files]
    Entry.objects.update(code_urls=codes)
    refresh_benchmark(board)
    client = Client()
    client.force_login(lin)
    page = client.get(f"/submit/?entry={entry.pk}").content.decode()
    for shown in ('value="78.0"', 'value="https://example.org/net.pth"', 'value="https://example.org/PyTorch"'):
        assert shown in page
