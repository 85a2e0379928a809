"""What an admin decides: queue by queue, one or many at once, with a reason, and undone where that makes sense."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from knox.models import AuthToken
from pytest_django import DjangoAssertNumQueries

from evaluation.devices import Device
from leaderboard.models import AuditEvent, Ban, Entry, Result, Run, Submission, Weights
from leaderboard.models.audit import ACTIONS
from leaderboard.services.boards.standings import refresh_benchmark
from leaderboard.services.moderating import decisions
from leaderboard.services.running import runs, workers
from leaderboard.services.running.attempts import enqueue
from tests.factories import NOW, claim_run, make_entry, make_submission, make_user
from tests.web.conftest import Stage, verify

QUEUES = ("new", "mismatches", "duplicates", "stalled", "under-way", "failed", "verified", "retracted", "hidden")
QUERIES = 22


def list_names(client: Client, queue: str) -> list[str]:
    answer = client.get(f"/moderation/?queue={queue}")
    assert answer.status_code == 200
    return [item.title for item in answer.context["items"]]


def decide(client: Client, queue: str, action: str, *keys: object, **fields: str) -> Any:
    chosen = {"queue": queue, "action": action, "chosen": [str(key) for key in keys], "reason": "Because."}
    return client.post("/moderation/decide/", chosen | fields, follow=True)


def test_verified_entries_wait_until_they_are_approved(stage: Stage, admin: Client) -> None:
    assert list_names(admin, "new") == ["ResNet-32"]
    assert list_names(admin, "mismatches") == ["ResNet-20"]
    decide(admin, "mismatches", "approve", stage.verified.pk, reason="")
    assert list_names(admin, "mismatches") == []
    assert "ResNet-20" in list_names(admin, "verified")
    event = AuditEvent.objects.get(action="approve")
    assert (event.actor, event.target_id) == ("wei", str(stage.verified.entry_id))


def test_reason_is_kept_however_long(stage: Stage, admin: Client) -> None:
    reason = "Trained on the test images. " * 35
    decide(admin, "mismatches", "hide", stage.verified.pk, reason=reason)
    entry = Entry.objects.get(submissions=stage.verified)
    entry.full_clean()
    assert entry.hidden_reason == reason.strip()


def test_entry_that_is_verified_anew_waits_again(stage: Stage, admin: Client) -> None:
    decide(admin, "mismatches", "approve", stage.verified.pk)
    again = verify(stage.digits, stage.owner, "ResNet-20", 81.03, claims={"top1": 91.73})
    again.refresh_from_db()
    assert again.entry_id == stage.verified.entry_id
    # In these fixtures every result is of one instant; here the first is older, and so is the approval.
    Result.objects.filter(run__submission=stage.verified).update(created_at=NOW - dt.timedelta(days=1))
    Entry.objects.filter(submissions=again).update(approved_at=NOW - dt.timedelta(hours=1))
    assert list_names(admin, "mismatches") == ["ResNet-20"]


def test_same_weights_under_another_name_are_found(stage: Stage, admin: Client) -> None:
    copy = verify(stage.digits, make_user("eva"), "ResNet-32", 81.90, claims={})
    copy.refresh_from_db()
    assert copy.entry
    other = stage.digits.entries.get(model__name="ResNet-20")
    other.weights.update(sha256=copy.weights_sha256)
    Submission.objects.filter(entry=other).update(weights_sha256=copy.weights_sha256)
    page = admin.get("/moderation/?queue=duplicates").content.decode()
    assert "the same weights: ResNet-20, ResNet-32" in page
    assert "ResNet-32" not in list_names(admin, "new")


def test_same_tensors_in_another_file_are_found(stage: Stage, admin: Client) -> None:
    verify(stage.digits, make_user("eva"), "ResNet-32", 81.90, claims={})
    weights = Weights.objects.filter(model__name__in=("ResNet-20", "ResNet-32"), results__isnull=False)
    assert len(set(weights.values_list("sha256", flat=True))) == 2
    assert "ResNet-32" in list_names(admin, "new")
    weights.update(content_sha256="c" * 64)
    assert "the same weights: ResNet-20, ResNet-32" in admin.get("/moderation/?queue=duplicates").content.decode()
    assert "ResNet-32" not in list_names(admin, "new")


def test_several_are_listed_and_counted_before_anything_happens(stage: Stage, admin: Client) -> None:
    both = list(Submission.objects.filter(state="verified").values_list("pk", flat=True))
    page = decide(admin, "verified", "retract", *both)
    assert "Type 2 to go on" in page.content.decode()
    assert Submission.objects.filter(state="verified").count() == 2
    page = decide(admin, "verified", "retract", *both, typed="3")
    assert "That is not the number of things chosen." in page.content.decode()
    assert Submission.objects.filter(state="verified").count() == 2
    page = decide(admin, "verified", "retract", *both, typed="2")
    assert "2 done, and noted in the audit trail." in page.content.decode()
    assert set(Submission.objects.filter(pk__in=both).values_list("state", "state_reason")) == {
        ("retracted", "Because.")
    }


def test_other_language_on_a_confirmation_leads_back_to_the_queues(stage: Stage, admin: Client) -> None:
    page = decide(admin, "verified", "ban", stage.verified.pk).content.decode()
    assert 'name="next" value="/moderation/decide/"' in page
    choice = {"language": "zh-hans", "next": "/moderation/decide/"}
    answer = admin.post("/i18n/setlang/", choice, headers={"Origin": "http://testserver"}, follow=True)
    assert [address for address, _status in answer.redirect_chain] == ["/moderation/decide/", "/moderation/"]
    assert "审核" in answer.content.decode()


@pytest.mark.parametrize("action", ["approve", "hide", "rerun"])
def test_many_are_decided_with_one_confirmation(stage: Stage, admin: Client, action: str) -> None:
    both = list(Submission.objects.filter(state="verified").values_list("pk", flat=True))
    page = decide(admin, "verified" if action != "approve" else "new", action, *both, typed="2")
    assert "2 done, and noted in the audit trail." in page.content.decode()


def test_more_than_the_brake_allows_is_refused(stage: Stage, admin: Client) -> None:
    keys = [make_submission(stage.digits, stage.owner).pk for _ in range(decisions.MOST_AT_ONCE + 1)]
    page = decide(admin, "under-way", "reject", *keys, typed=str(len(keys)))
    assert "Choose at most 20 at once." in page.content.decode()
    assert not Submission.objects.filter(state="rejected").exists()


def test_one_that_is_refused_does_not_stop_the_others(stage: Stage, admin: Client) -> None:
    page = decide(admin, "under-way", "reject", stage.waiting.pk, stage.failed.pk, typed="2").content.decode()
    assert "Done, and noted in the audit trail." in page
    stage.waiting.refresh_from_db()
    stage.failed.refresh_from_db()
    assert (stage.waiting.state, stage.failed.state) == ("rejected", "failed")
    assert page.count('<ul class="messages"') == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({"reason": " "}, "Give a reason; it is shown to the submitter"), ({"chosen": []}, "Choose at least one.")],
)
def test_incomplete_decision_gets_a_sentence(
    stage: Stage, admin: Client, fields: dict[str, str], sentence: str
) -> None:
    page = decide(admin, "verified", "retract", stage.verified.pk, **fields)
    assert sentence in page.content.decode()
    stage.verified.refresh_from_db()
    assert stage.verified.state == "verified"


@pytest.mark.parametrize(
    "sent",
    [
        {"queue": "nope", "action": "hide", "chosen": ["1"]},
        {"queue": "new", "action": "unban", "chosen": ["1"]},
        {"queue": "new", "action": "hide", "chosen": ["x", "y"]},
    ],
)
def test_decision_that_there_is_not_is_not_found(stage: Stage, admin: Client, sent: dict[str, object]) -> None:
    assert admin.post("/moderation/decide/", {"reason": "Because."} | sent).status_code == 404


def test_hidden_entry_tells_its_submitter_why_and_comes_back(stage: Stage, admin: Client, owner: Client) -> None:
    decide(admin, "verified", "hide", stage.verified.pk, reason="Trained on the test images.")
    page = owner.get(stage.verified.get_absolute_url()).content.decode()
    assert "Trained on the test images." in page
    # Nothing leads to where it does not stand any more.
    assert not any(part in page for part in ("/badges/", "#badge", "#entry-", "/compare/?a="))
    hidden_at = AuditEvent.objects.get(action="hide").at
    assert f"{hidden_at:%Y-%m-%d %H:%M}</time>" in admin.get("/moderation/?queue=hidden").content.decode()
    decide(admin, "hidden", "unhide", stage.verified.entry_id)
    assert "/badges/" in owner.get(stage.verified.get_absolute_url()).content.decode()
    assert not Entry.objects.get(submissions=stage.verified).is_hidden


def test_banned_account_reads_and_does_nothing_more(stage: Stage, admin: Client, owner: Client) -> None:
    token = AuthToken.objects.create(user=stage.owner)[1]
    script = {"Authorization": f"Token {token}"}
    assert owner.get("/api/v1/submissions/", headers=script).status_code == 200
    assert "Type 1 to go on" in decide(admin, "verified", "ban", stage.verified.pk).content.decode()
    assert not Ban.objects.exists()
    decide(admin, "verified", "ban", stage.verified.pk, typed="1", reason="Sends the same file a hundred times.")
    stage.waiting.refresh_from_db()
    assert (stage.waiting.state, stage.waiting.state_reason) == ("cancelled", "Sends the same file a hundred times.")
    refused = Client().get("/api/v1/submissions/", headers=script)
    assert refused.status_code == 403
    assert "Sends the same file a hundred times." in refused.json()["detail"]
    form = owner.post("/submit/", {"benchmark": "digits", "model_name": "Again"})
    assert "Sends the same file a hundred times." in form.content.decode()
    # Said once, and there is nothing to fill in.
    for address in ("/account/", "/submit/"):
        assert owner.get(address).content.decode().count("Sends the same file a hundred times.") == 1
    assert 'name="model_name"' not in owner.get("/submit/").content.decode()
    assert "ResNet-20" in Client().get("/benchmarks/digits/").content.decode()
    decide(admin, "banned", "unban", stage.owner.pk)
    assert Client().get("/api/v1/submissions/", headers=script).status_code == 200


def test_admins_are_not_banned_and_nobody_twice(stage: Stage, admin: Client) -> None:
    own = make_submission(stage.digits, stage.admin)
    assert "wei is an admin" in decide(admin, "under-way", "ban", own.pk, typed="1").content.decode()
    decide(admin, "under-way", "ban", stage.waiting.pk, typed="1")
    again = admin.post(f"/moderation/ban/{stage.waiting.pk}/", {"reason": "Because."}, follow=True)
    assert "lin is banned already." in again.content.decode()


def test_findings_leave_the_queue_until_the_lint_says_something_else(stage: Stage, admin: Client) -> None:
    def list_boards() -> list[str]:
        return [board.slug for board, _found in admin.get("/moderation/?queue=claims").context["boards"]]

    slug = stage.imagenet.slug
    assert slug in list_boards()
    admin.post(f"/moderation/claims/{slug}/", {"reason": "The source is asked."})
    assert slug not in list_boards()
    assert AuditEvent.objects.get(action="look at findings").reason == "The source is asked."
    make_entry(stage.imagenet, "Too good", claims={"top1": 99.0, "top5": 98.0})
    refresh_benchmark(stage.imagenet)
    assert slug in list_boards()


def test_trail_is_narrowed_and_paged(stage: Stage, admin: Client) -> None:
    decide(admin, "verified", "hide", stage.verified.pk)
    lines = admin.get("/moderation/audit/?actor=wei&action=hide").context["trail"].lines
    assert [line.event.target_id for line in lines] == [str(stage.verified.entry_id)]
    assert not admin.get("/moderation/audit/?until=2020-01-01").context["trail"].lines
    AuditEvent.objects.bulk_create(AuditEvent(at=NOW, actor="x", action="x", target_type="x") for _ in range(60))
    first = admin.get("/moderation/audit/?action=x").context["trail"]
    second = admin.get(f"/moderation/audit/?{first.older}").context["trail"]
    assert (len(first.lines), len(second.lines), second.older) == (50, 10, "")


def test_line_about_a_hidden_entry_leads_its_admin_to_it(stage: Stage, admin: Client, owner: Client) -> None:
    decide(admin, "verified", "hide", stage.verified.pk, reason="Trained on the test images.")
    (line,) = admin.get("/moderation/audit/?action=hide").context["trail"].lines
    page = admin.get(line.url)
    assert page.status_code == 200
    assert f'href="{line.url}"' in admin.get("/moderation/?queue=hidden").content.decode()
    assert "An admin took this entry off the board. Trained on the test images." in page.content.decode()
    assert [client.get(line.url).status_code for client in (owner, Client())] == [404, 404]


def test_what_was_done_is_told_in_the_readers_language(stage: Stage, admin: Client) -> None:
    decide(admin, "verified", "hide", stage.verified.pk)
    decide(admin, "hidden", "unhide", stage.verified.entry_id)
    chinese = {"accept-language": "zh-hans"}
    for address in ("/moderation/audit/?action=unhide", "/admin/leaderboard/auditevent/?action=unhide"):
        lines = admin.get(address, headers=chinese).content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
        assert "已恢复显示" in lines
        assert not re.search(r">\s*(entry )?unhide", lines)
    moved = (
        admin.get("/moderation/audit/?action=move", headers=chinese)
        .content.decode()
        .partition("<tbody>")[2]
        .partition("</tbody>")[0]
    )
    assert "状态已变更" in moved
    assert not re.findall(r">\s*(move|submission|run|queued|running|lost|verified)\b", moved)
    assert stage.verified.entry
    ledger = admin.get(stage.verified.entry.get_absolute_url(), headers=chinese).content.decode()
    assert "已恢复显示" in ledger


def test_every_action_that_is_recorded_has_its_words() -> None:
    sources = "".join(path.read_text() for path in Path("leaderboard").rglob("*.py"))
    recorded = set(re.findall(r'audit\.record\(\s*"([^"]+)"', sources))
    assert len(recorded) > 10
    assert recorded <= set(ACTIONS)


@pytest.mark.parametrize("query", ["since=yesterday", "since=2026-13-01", "before=x", "actor=" + "x" * 200])
def test_trail_says_what_is_wrong_with_a_filter(stage: Stage, admin: Client, query: str) -> None:
    answer = admin.get(f"/moderation/audit/?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()


def test_workers_tell_what_they_do_and_what_waits(stage: Stage, admin: Client) -> None:
    workers.announce("host/1", queues=["cpu"], box="bwrap", at=NOW.replace(year=2036))
    run = claim_run(Run.objects.get(submission=stage.waiting, state="queued"), worker="host/1")
    assert run.token
    enqueue(make_submission(stage.digits, stage.owner, model_name="Next"), by=stage.owner, at=NOW)
    context = admin.get("/moderation/workers/").context
    (state,) = context["workers"]
    assert (state.is_alive, state.run.pk) == (True, run.pk)
    (queue,) = context["queues"]
    assert (queue.name, queue.waiting, queue.running, queue.workers, queue.oldest_at) == ("cpu", 1, 1, 1, NOW)
    runs.record_trouble(run.pk, run.token, "The disk is full.", at=run.started_at or NOW)
    page = admin.get("/moderation/workers/").content.decode()
    assert "The disk is full." in page


def test_workers_are_told_in_the_reader_s_language(stage: Stage, admin: Client) -> None:
    devices = [Device("cpu", "32 cores"), Device("gpu", "NVIDIA H100")]
    workers.announce("host/1", queues=["cpu", "gpu"], box="none", devices=devices, at=NOW)
    workers.announce("host/2", queues=["cpu"], box="bwrap", devices=[Device("cpu", "1 cores")], at=NOW)
    english = admin.get("/moderation/workers/").content.decode()
    for text in (">cpu: 32 cores, gpu: NVIDIA H100<", ">cpu: 1 core<", ">none<", ">bwrap<"):
        assert text in english
    chinese = admin.get("/moderation/workers/", headers={"Accept-Language": "zh-CN"}).content.decode()
    for text in (">cpu：32 核，gpu：NVIDIA H100<", ">cpu：1 核<", ">无<", ">bwrap<"):
        assert text in chinese


@pytest.mark.parametrize("queue", [*QUEUES, "claims", "banned"])
def test_pages_cost_a_constant_number_of_queries(
    stage: Stage, admin: Client, queue: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(8):
        verify(stage.digits, stage.owner, f"Net {number}", 70.0 + number, claims={"top1": 70.0})
    with django_assert_max_num_queries(QUERIES):
        admin.get(f"/moderation/?queue={queue}")
    with django_assert_max_num_queries(8):
        admin.get("/moderation/workers/")
    with django_assert_max_num_queries(8):
        admin.get("/moderation/audit/")
