"""The lint on stored claims, out of the seed that comes with the project."""

import datetime as dt
import re

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from leaderboard.claims.table import Action, Change, Severity
from leaderboard.models import AuditEvent, Benchmark, Claim, Entry, Standing
from leaderboard.services.boards.findings import find_findings, read_claim_table
from leaderboard.services.boards.standings import refresh_benchmark
from leaderboard.services.moderating import repairs
from leaderboard.services.moderating.moderation import ReasonRequired
from leaderboard.templatetags.veriboard import sentence
from tests.factories import make_benchmark, make_entry, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def imagenet() -> Benchmark:
    call_command("import_leaderboard", "leaderboard/seed/catalogue.json")
    return Benchmark.objects.select_related("split").get(slug__contains="imagenet")


def test_stored_claims_stand_in_the_order_of_their_table(
    imagenet: Benchmark, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3):
        table = read_claim_table(imagenet)
    assert len(table.rows) == 20
    assert [row.name for row in table.rows[:2]] == ["DenseNet-121", "DenseNet-161"]
    assert table.rows[0].scores["top5"].text == "92.290"
    assert (table.samples, table.classes) == (50_000, 1000)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_findings_write_numbers_as_other_pages_do(imagenet: Benchmark, language: str) -> None:
    with translation.override(language):
        said = " ".join(sentence(finding) for finding in find_findings(imagenet))
    assert "−0.52" in said
    assert "50,000" in said
    assert "< 1e−9" in said
    assert not re.search(r" -\d|e-\d|\d{5}", said)


def test_column_sorted_on_its_own_is_found_in_the_seed(imagenet: Benchmark) -> None:
    findings = find_findings(imagenet)
    assert findings[0].severity is Severity.ERROR
    (sorted_alone,) = [finding for finding in findings if finding.rule == "column_sorted_on_its_own"]
    densenet = Entry.objects.get(benchmark=imagenet, model__name="DenseNet-121")
    (change,) = [change for change in sorted_alone.repair if change.row == str(densenet.pk)]
    assert (change.action, change.before) == (Action.REPLACE_SCORE, "82.858")
    assert change.after.startswith("74.")


def test_hidden_entries_are_not_linted() -> None:
    benchmark = make_benchmark()
    entry = make_entry(benchmark, claims={"top1": 99.0, "top5": 98.0})
    assert "depths_inverted" in {finding.rule for finding in find_findings(benchmark)}
    Entry.objects.filter(pk=entry.pk).update(is_hidden=True)
    assert find_findings(benchmark) == ()


def test_latest_claim_of_an_entry_counts() -> None:
    benchmark = make_benchmark()
    entry = make_entry(benchmark, claims={"top1": 99.0, "top5": 98.0})
    metric = benchmark.metrics.get(key="top5")
    Claim.objects.create(entry=entry, metric=metric, value=100.0, text="100", source="its paper")
    assert find_findings(benchmark) == ()


def test_accepted_repair_brings_every_figure_to_its_row(imagenet: Benchmark) -> None:
    admin = make_user("wei", is_staff=True)
    findings = find_findings(imagenet)
    number = next(n for n, finding in enumerate(findings) if len(finding.repair) > 10)
    changes = findings[number].repair
    digest = findings[number].digest
    done = repairs.accept(imagenet, digest, by=admin, at=timezone.now(), reason="The source has them so.")
    assert done == len(changes)
    for change in changes:
        standing = Standing.objects.get(entry=int(change.row), metric__key=change.metric)
        assert standing.claimed == (float(change.after) if change.after else None)
    densenet = Standing.objects.get(entry__model__name="DenseNet-121", metric__key="top1")
    assert densenet.claimed == 74.98
    # What was stated at first is still in the ledger.
    assert densenet.entry.claims.filter(metric__key="top1", text="82.858").exists()
    assert findings[number].rule not in {finding.rule for finding in find_findings(imagenet)}
    assert AuditEvent.objects.filter(action="repair", actor="wei").count() == len(changes) + 1


def test_past_boards_keep_what_a_repair_takes_away() -> None:
    benchmark = make_benchmark()
    entry = make_entry(benchmark, claims={"top1": 80.0})
    Entry.objects.update(created_at=timezone.now() - dt.timedelta(days=9))
    Claim.objects.update(created_at=timezone.now() - dt.timedelta(days=9))
    change = Change(Action.DROP_SCORE, str(entry.pk), "top1", "80.0")
    metric = benchmark.metrics.get(key="top1")
    repairs.carry_out(change, entry, metric, by=make_user(), at=timezone.now(), reason="It is of another table.")
    refresh_benchmark(benchmark)
    day = (timezone.now() - dt.timedelta(days=1)).date()
    address = f"/api/v1/benchmarks/{benchmark.slug}/leaderboard/"
    assert Client().get(address).json()["results"] == []
    (row,) = Client().get(address, {"as_of": day.isoformat()}).json()["results"]
    assert row["claims"] == {"top1": 80.0}
    assert find_findings(benchmark) == ()


def test_repair_is_the_one_that_was_shown(imagenet: Benchmark) -> None:
    admin = make_user("wei", is_staff=True)
    first, second = [finding for finding in find_findings(imagenet) if finding.repair][:2]
    client = Client()
    client.force_login(admin)
    page = client.get(f"/benchmarks/{imagenet.slug}/findings/").content.decode()
    addresses = [f"/moderation/repair/{imagenet.slug}/{finding.digest}/" for finding in (first, second)]
    assert all(address in page for address in addresses)
    client.post(addresses[0], {"reason": "The source has them so."})
    done = AuditEvent.objects.filter(action="repair").count()
    # Pressed twice.
    answer = client.post(addresses[0], {"reason": "The source has them so."}, follow=True)
    assert "This finding is gone" in answer.content.decode()
    assert AuditEvent.objects.filter(action="repair").count() == done


def test_repair_needs_a_reason_and_a_finding_that_is_there(imagenet: Benchmark) -> None:
    admin = make_user("wei", is_staff=True)
    before = Claim.objects.count()
    with pytest.raises(ReasonRequired):
        repairs.accept(imagenet, find_findings(imagenet)[0].digest, by=admin, at=timezone.now(), reason=" ")
    with pytest.raises(repairs.RepairGone):
        repairs.accept(imagenet, "0" * 32, by=admin, at=timezone.now(), reason="A reason.")
    assert Claim.objects.count() == before
