"""The lint on the tables that the field really wrote."""

from collections import Counter
from dataclasses import replace

import pytest

from leaderboard.claims.lint import lint
from leaderboard.claims.order_rules import correlate
from leaderboard.claims.table import Action, ClaimTable, Finding, Severity, StatedScore
from tests.claims.tables import build_table, read_benchmark

SEEDS = ["seed/image_classification.zh.md", "sota-cv/content/image_classification.md"]


@pytest.fixture(params=SEEDS)
def seed(request: pytest.FixtureRequest) -> ClaimTable:
    return build_table(read_benchmark(request.param), samples=50_000, classes=1000)


def find(table: ClaimTable, rule: str) -> Finding:
    (found,) = [finding for finding in lint(table) if finding.rule == rule]
    return found


def test_acc1_is_found_sorted_on_its_own(seed: ClaimTable) -> None:
    finding = find(seed, "column_sorted_on_its_own")
    assert finding.severity is Severity.ERROR
    assert finding.parameters["metric"] == "Acc@1"
    assert len(finding.rows) == 20
    assert finding.parameters["rho"] == pytest.approx(-0.5203, abs=5e-5)
    assert "sorted on its own" in str(finding)


def test_acc1_and_acc5_are_found_turned_over(seed: ClaimTable) -> None:
    assert "-0.52" in str(find(seed, "correlation_turned_over"))


def test_repair_gives_each_row_its_published_figure(seed: ClaimTable) -> None:
    changes = {change.row: change for change in find(seed, "column_sorted_on_its_own").repair}
    names = {row.key: row.name for row in seed.rows}
    assert {change.action for change in changes.values()} == {Action.REPLACE_SCORE}
    assert changes["1"].after == "74.980"
    assert names["14"] == "PNASNet-5-Large"
    assert changes["14"].after == "82.858"
    assert all(change.source for change in changes.values())


def test_repair_leaves_rows_that_kept_their_figure(seed: ClaimTable) -> None:
    names = {row.key: row.name for row in seed.rows}
    changed = {change.row for change in find(seed, "column_sorted_on_its_own").repair}
    assert {names[key] for key in names.keys() - changed} == {"FBResNet-152", "Inception-v4"}


def test_repaired_column_passes_the_lint(seed: ClaimTable) -> None:
    changes = {change.row: change.after for change in find(seed, "column_sorted_on_its_own").repair}
    repaired = apply_scores(seed, changes)
    top1, top5 = seed.metrics
    assert (correlate(repaired, top1, top5) or 0) > 0.9
    rules = {finding.rule for finding in lint(repaired)}
    assert not rules & {"column_sorted_on_its_own", "correlation_turned_over", "depths_inverted"}


def apply_scores(table: ClaimTable, changes: dict[str, str]) -> ClaimTable:
    def mend(key: str, scores: dict[str, StatedScore]) -> dict[str, StatedScore]:
        text = changes.get(key)
        return scores | {"top1": StatedScore(float(text), text)} if text else scores

    return replace(table, rows=tuple(replace(row, scores=mend(row.key, dict(row.scores))) for row in table.rows))


def test_weights_that_are_source_code_are_found(seed: ClaimTable) -> None:
    finding = find(seed, "code_as_weights")
    assert finding.parameters["name"] == "FBResNet-152"
    assert [change.action for change in finding.repair] == [Action.DROP_WEIGHTS]


def test_densenet121_address_is_found_odd_among_its_siblings(seed: ClaimTable) -> None:
    finding = find(seed, "odd_suffix")
    assert finding.repair[0].before.endswith("densenet121-a639ec97.pt")
    assert finding.repair[0].after == "https://download.pytorch.org/models/densenet121-a639ec97.pth"


def test_two_odd_last_digits_are_found(seed: ClaimTable) -> None:
    hits = [f.parameters["text"] for f in lint(seed) if f.rule == "impossible_digits"]
    assert hits == ["82.693", "96.163"]


@pytest.mark.parametrize("name", ["timm/results-imagenet.csv", "timm/results-imagenet-real.csv"])
def test_honest_sorted_table_is_not_taken_for_a_lone_sorting(name: str) -> None:
    table = build_table(read_benchmark(name), classes=1000)
    rules = Counter(finding.rule for finding in lint(table))
    assert not rules.keys() & {"column_sorted_on_its_own", "correlation_turned_over", "depths_inverted", "unit_slip"}


def test_all_of_timm_passes_grim() -> None:
    table = build_table(read_benchmark("timm/results-imagenet.csv"), samples=50_000, classes=1000)
    assert len(table.rows) == 1556
    assert not [finding for finding in lint(table) if finding.rule in ("impossible_digits", "chance_level")]


@pytest.mark.parametrize("place", range(15))
def test_ogb_tables_are_not_called_unsound(place: int) -> None:
    table = build_table(read_benchmark("pwc/ogb.json", place))
    assert not [finding for finding in lint(table) if finding.severity is Severity.ERROR]
