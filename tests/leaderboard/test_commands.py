"""The management commands, on the seed that comes with the project."""

import csv
import io
import json
from collections.abc import Callable

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from knox.auth import TokenAuthentication

from leaderboard.models import Benchmark
from leaderboard.services.boards import exports
from leaderboard.services.boards.exports import WRITERS
from leaderboard.services.running import attempts, runs
from leaderboard.tables.reading import read_catalogue
from tests.factories import claim_run, make_benchmark, make_report, make_submission, make_user

pytestmark = pytest.mark.django_db
Command = Callable[..., str]


@pytest.fixture
def command() -> Command:
    def call(*arguments: str) -> str:
        out = io.StringIO()
        call_command(*arguments, stdout=out)
        return out.getvalue()

    return call


@pytest.fixture
def imagenet(command: Command) -> str:
    command("import_leaderboard", "leaderboard/seed/catalogue.json")
    return Benchmark.objects.get(slug__contains="imagenet").slug


@pytest.fixture
def digits() -> str:
    """A board with one verified row, by its slug."""
    user = make_user()
    submission = make_submission(make_benchmark(), user, claims={"top1": 81.0})
    run = claim_run(attempts.enqueue(submission, by=user, at=timezone.now()))
    assert run.token is not None
    runs.record_report(run.pk, run.token, make_report(), None, at=timezone.now())
    return "digits"


def test_lint_names_the_sorted_column_and_its_repair(command: Command, imagenet: str) -> None:
    out = command("lint_claims", imagenet)
    assert "error: " in out
    assert "sorted on its own" in out
    assert "repair DenseNet-121 top1: 82.858 → 74.980" in out


def test_lint_of_everything_names_each_benchmark(command: Command, imagenet: str) -> None:
    out = command("lint_claims")
    assert all(f"{slug}: " in out for slug in Benchmark.objects.values_list("slug", flat=True))
    assert command("lint_claims", imagenet) in out


@pytest.mark.parametrize("name", ["lint_claims", "export_leaderboard"])
def test_unknown_benchmark_is_answered_with_near_names(command: Command, imagenet: str, name: str) -> None:
    with pytest.raises(CommandError, match=f"There is no benchmark 'imagnet'; the nearest are: {imagenet}"):
        command(name, "imagnet")


def test_csv_and_json_hold_every_row(command: Command, imagenet: str) -> None:
    rows = list(csv.DictReader(io.StringIO(command("export_leaderboard", imagenet))))
    assert len(rows) == 20
    assert {row["rank"] for row in rows} == {""}
    document = json.loads(command("export_leaderboard", imagenet, "--format", "json"))
    assert [row["model"]["name"] for row in document["results"]] == [row["model"] for row in rows]
    assert document["benchmark"].endswith(f"/benchmarks/{imagenet}/")
    answer = Client().get(f"/api/v1/benchmarks/{imagenet}/leaderboard/")
    assert document["results"] == answer.json()["results"]


@pytest.mark.parametrize(("format", "filename"), [("markdown", "board.md"), ("pwc", "board.json")])
def test_exported_table_is_read_again(command: Command, imagenet: str, format: str, filename: str) -> None:
    text = command("export_leaderboard", imagenet, "--format", format)
    catalogue = read_catalogue(text.encode(), filename=filename)
    (benchmark,) = catalogue.tasks[0].benchmarks
    assert catalogue.skipped == []
    assert sum(len(entry.weights) for entry in benchmark.entries) == 21
    assert (benchmark.slug, benchmark.protocol.slug, benchmark.dataset.samples) == (imagenet, "single-crop", 50_000)
    assert (catalogue.tasks[0].slug, benchmark.dataset.slug) == ("image-classification", "imagenet")
    stated = {(entry.model, key): score.value for entry in benchmark.entries for key, score in entry.scores.items()}
    assert len(benchmark.entries) == 20
    assert stated["DenseNet-121", "top1"] == 82.858
    assert stated["DenseNet-121", "top5"] == 92.29


def test_pwc_keeps_protocol_and_says_what_is_verified(command: Command, imagenet: str, digits: str) -> None:
    (task,) = json.loads(command("export_leaderboard", imagenet, "--format", "pwc"))
    assert task["datasets"][0]["description"] == "single model, single crop"
    assert not any(row["verified"] for row in task["datasets"][0]["sota"]["rows"])
    (task,) = json.loads(command("export_leaderboard", digits, "--format", "pwc"))
    (row,) = task["datasets"][0]["sota"]["rows"]
    assert row["verified"] == ["Acc@1", "Acc@5"]
    assert row["metrics"] == {"Acc@1": "81.030", "Acc@5": "98.720"}


def test_model_index_groups_rows_by_model(command: Command, imagenet: str) -> None:
    index = yaml.safe_load(command("export_leaderboard", imagenet, "--format", "model-index"))["model-index"]
    results = {model["name"]: model["results"] for model in index}
    assert len(results) == 15
    assert sum(map(len, results.values())) == 20
    (densenet,) = results["DenseNet-121"]
    assert densenet["dataset"] == {
        **{"type": "imagenet", "name": "ImageNet", "split": "validation"},
        "args": {"protocol": "single model, single crop"},
    }
    assert densenet["metrics"][0] == {"type": "accuracy", "name": "Acc@1", "value": 82.858, "verified": False}


def test_model_index_says_what_is_verified(command: Command, digits: str) -> None:
    index = yaml.safe_load(command("export_leaderboard", digits, "--format", "model-index"))["model-index"]
    assert index[0]["results"][0]["metrics"][0] == {
        "type": "accuracy",
        "name": "Acc@1",
        "value": 81.03,
        "verified": True,
    }


def test_bibtex_holds_each_paper_once(command: Command, imagenet: str) -> None:
    text = command("export_leaderboard", imagenet, "--format", "bibtex")
    assert text.count("@misc{arxiv:1608.06993,") == 1
    assert text.count("@misc{") == 9


def test_token_opens_the_api_for_its_account(command: Command) -> None:
    user = make_user("lin")
    token = command("create_token", "lin").strip()
    assert TokenAuthentication().authenticate_credentials(token.encode())[0] == user


def test_token_of_nobody_or_of_a_closed_account_is_refused(command: Command) -> None:
    make_user("lin", is_active=False)
    with pytest.raises(CommandError, match="There is no account 'lim'; the nearest are: lin"):
        command("create_token", "lim")
    with pytest.raises(CommandError, match="The account 'lin' is closed"):
        command("create_token", "lin")


@pytest.mark.parametrize("block", [1, 7, 20])
@pytest.mark.parametrize("format", WRITERS)
def test_export_is_the_whole_board_however_it_is_read(
    command: Command, imagenet: str, format: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = command("export_leaderboard", imagenet, "--format", format)
    monkeypatch.setattr(exports, "BLOCK", block)
    # What one answer over HTTP may hold does not bind it.
    monkeypatch.setattr(exports, "MOST_ROWS", 3)
    assert command("export_leaderboard", imagenet, "--format", format) == whole
    assert "not all rows" not in whole
    if format != "bibtex":
        assert all(name in whole for name in ("PNASNet", "Inception-v4", "DenseNet-121"))
