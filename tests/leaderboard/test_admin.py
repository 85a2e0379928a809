"""Every table in the admin, with the seed imported and a verified run."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from zeal import zeal_ignore

from leaderboard.models import (
    AuditEvent,
    Ban,
    Benchmark,
    BenchmarkMetric,
    Challenge,
    Claim,
    Entry,
    NoticeSettings,
    Part,
    Result,
    Standing,
    Upload,
    UploadPart,
    Webhook,
    Weights,
    Worker,
)
from leaderboard.services.running import attempts, runs
from tests.factories import claim_run, make_benchmark, make_entry, make_report, make_submission, make_user

pytestmark = pytest.mark.django_db

TABLES = [model for model in apps.get_app_config("leaderboard").get_models() if model in admin.site._registry]
READ_ONLY = {
    "ban",
    "challenge",
    "notice",
    "noticesettings",
    "upload",
    "webhook",
    "auditevent",
    "boardfacts",
    "part",
    "run",
    "result",
    "score",
    "standing",
    "submission",
    "worker",
}


def name_table(model: type[models.Model]) -> str:
    return model._meta.model_name or ""


@pytest.fixture
def boss(client: Client) -> Client:
    """A superuser's client on a catalogue in which every table has a row."""
    call_command("import_leaderboard", "leaderboard/seed/catalogue.json")
    user = make_user("boss", is_staff=True, is_superuser=True)
    submission = make_submission(make_benchmark(), user, claims={"top1": 81.0})
    run = claim_run(attempts.enqueue(submission, by=user, at=timezone.now()))
    assert run.token is not None
    runs.record_report(run.pk, run.token, make_report(), None, at=timezone.now())
    Part.objects.create(run=run, number=1, start=0, stop=100)
    Worker.objects.create(name="worker-a", started_at=timezone.now(), seen_at=timezone.now())
    now = timezone.now()
    Ban.objects.create(user=make_user("mallory"), reason="Floods the queue.", at=now)
    Challenge.objects.create(entry=Entry.objects.all()[0], challenger=user, text="Look again.", created_at=now)
    NoticeSettings.objects.get_or_create(user=user)
    upload = Upload.objects.create(owner=user, name="resnet.pth", size_bytes=10, created_at=now, written_at=now)
    UploadPart.objects.create(upload=upload, offset_bytes=0, file="uploads/x")
    Webhook.objects.create(owner=user, url="https://example.org/", events=["run.finished"], created_at=now)
    client.force_login(user)
    return client


def test_every_model_is_in_the_admin() -> None:
    shown = set(TABLES) | {inline.model for table in TABLES for inline in admin.site._registry[table].inlines}
    own = {model for model in apps.get_app_config("leaderboard").get_models() if not model._meta.auto_created}
    assert own == shown
    assert BenchmarkMetric in shown


@pytest.mark.parametrize("table", TABLES, ids=name_table)
def test_pages_of_every_table_answer(boss: Client, table: type[models.Model]) -> None:
    name = f"admin:leaderboard_{name_table(table)}"
    row = table._default_manager.first()
    assert row is not None
    listing = boss.get(reverse(f"{name}_changelist"), {"q": "a"})
    assert (listing.status_code, boss.get(reverse(f"{name}_changelist")).status_code) == (200, 200)
    assert boss.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200
    added = boss.get(reverse(f"{name}_add"))
    assert added.status_code == (403 if name_table(table) in READ_ONLY else 200)


@pytest.mark.parametrize("name", sorted(READ_ONLY))
def test_what_services_write_is_not_written_here(boss: Client, name: str) -> None:
    model = apps.get_model("leaderboard", name)
    row = model._default_manager.first()
    before = model._default_manager.filter(pk=row.pk).values().get()
    address = reverse(f"admin:leaderboard_{name}_change", args=[row.pk])
    assert boss.post(address, {"value": "99", "verified": "99", "state": "verified"}).status_code == 403
    assert boss.post(address.replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
    boss.post(reverse(f"admin:leaderboard_{name}_changelist"), chosen)
    assert model._default_manager.filter(pk=row.pk).values().get() == before


def test_verified_state_of_an_entry_cannot_be_typed_in(boss: Client) -> None:
    entry = Entry.objects.filter(status="claimed").first()
    assert entry is not None
    fields = form_of(boss, "entry", entry) | {"status": "verified", "verdict": "match", "verified_at_0": "2026-01-01"}
    with zeal_ignore():
        answer = boss.post(reverse("admin:leaderboard_entry_change", args=[entry.pk]), fields)
    assert answer.status_code == 302
    entry.refresh_from_db()
    assert (entry.status, entry.verified_at) == ("claimed", None)
    assert not Result.objects.filter(entry=entry).exists()


def test_mended_claim_moves_the_board_and_leaves_its_line(boss: Client) -> None:
    claim = Claim.objects.get(entry__model__name="DenseNet-121", metric__key="top1")
    fields = form_of(boss, "claim", claim) | {"value": "74.434", "text": "74.434"}
    assert boss.post(reverse("admin:leaderboard_claim_change", args=[claim.pk]), fields).status_code == 302
    assert Standing.objects.get(entry=claim.entry, metric=claim.metric).claimed == 74.434
    event = AuditEvent.objects.filter(action="change", target_type="claim").get()
    assert (event.actor, event.target_id) == ("boss", str(claim.pk))


def test_mended_address_of_weights_shows_on_the_board_at_once(boss: Client) -> None:
    weights = Weights.objects.filter(entries__model__name="DenseNet-121").exclude(url="").first()
    assert weights is not None
    board = weights.entries.get().benchmark.get_absolute_url()
    assert weights.url in boss.get(board).content.decode()
    fields = form_of(boss, "weights", weights) | {"url": "https://example.org/mended.pth"}
    assert boss.post(reverse("admin:leaderboard_weights_change", args=[weights.pk]), fields).status_code == 302
    assert "https://example.org/mended.pth" in boss.get(board).content.decode()


def test_deleted_claim_leaves_the_board(boss: Client) -> None:
    claim = Claim.objects.get(entry__model__name="DenseNet-121", metric__key="top1")
    chosen = {"action": "delete_selected", "_selected_action": str(claim.pk), "post": "yes"}
    boss.post(reverse("admin:leaderboard_claim_changelist"), chosen)
    assert Standing.objects.get(entry=claim.entry, metric=claim.metric).claimed is None
    assert AuditEvent.objects.filter(action="delete", target_type="claim", target_id=str(claim.pk)).exists()


def test_wider_tolerance_turns_a_verdict(boss: Client) -> None:
    benchmark = Benchmark.objects.get(slug="digits")
    assert benchmark.entries.get().verdict == "match"
    fields = form_of(boss, "benchmark", benchmark) | {"tolerance": "0.01"}
    # Django's formsets look their choices up row by row.
    with zeal_ignore():
        answer = boss.post(reverse("admin:leaderboard_benchmark_change", args=[benchmark.pk]), fields)
    assert answer.status_code == 302
    assert benchmark.entries.get().verdict == "above"


def form_of(boss: Client, name: str, row: models.Model) -> dict[str, object]:
    """Return the fields of a change page as a browser would send them back."""
    page = boss.get(reverse(f"admin:leaderboard_{name}_change", args=[row.pk]))
    form = page.context["adminform"].form
    formsets = [inline.formset for inline in page.context["inline_admin_formsets"]]
    bound = [form, *(part for formset in formsets for part in (formset.management_form, *formset.forms))]
    sent = {field.html_name: field.value() for part in bound for field in part}
    return {key: as_sent(value) for key, value in sent.items() if value is not None and value is not False}


def as_sent(value: object) -> object:
    return [getattr(each, "pk", each) for each in value] if isinstance(value, list) else value


def put(field: str, value: object) -> models.Model:
    """Return a row with the value in the field of that name."""
    board = make_benchmark()
    rows = {"code_urls": make_entry(board), "preprocessing": board.protocol, "class_names": board.split}
    setattr(rows[field], field, value)
    return rows[field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("code_urls", value) for value in ([1], {"a": 1}, "x", [{"label": "a"}], [{"label": "a", "url": "data:x"}])),
        *(("preprocessing", value) for value in ([1], {"a": 1}, "x", {"resize": "x"}, {"mean": 3}, {"crop": -1})),
        *(("class_names", value) for value in ({"a": 1}, "x", [1], [None])),
    ],
)
def test_json_that_no_page_can_show_is_refused(field: str, value: object) -> None:
    of = put(field, value)
    with pytest.raises(ValidationError) as refused:
        of.full_clean()
    assert list(refused.value.message_dict) == [field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("code_urls", value) for value in (None, [], [{"label": "PyTorch", "url": "https://example.org"}])),
        *(("preprocessing", value) for value in (None, {"resize": 256, "crop": 224, "mean": [0.5, 0.5, 0.5]})),
        *(("class_names", value) for value in (None, ["cat", "dog"])),
    ],
)
def test_json_that_pages_show_is_stored(field: str, value: object) -> None:
    of = put(field, value)
    of.full_clean()
    of.save()
