"""Each rule of the lint on plain numbers."""

import pytest

from leaderboard.claims.identity_rules import FEWEST_ROWS_TO_JUDGE
from leaderboard.claims.lint import is_proportion, lint
from leaderboard.claims.table import Action, ClaimRow, ClaimTable, Finding, StatedScore, StatedWeights
from leaderboard.claims.value_rules import is_possible, shift_point
from tests.claims.tables import write_table


def find(table: ClaimTable, rule: str) -> list[Finding]:
    return [finding for finding in lint(table) if finding.rule == rule]


def test_clean_table_has_no_findings() -> None:
    rows = [{"top1": f"{70 + n}.000", "top5": f"{90 + n / 2:.3f}"} for n in range(12)]
    assert lint(write_table(*rows, samples=50_000, classes=1000)) == ()


def test_empty_table_has_no_findings() -> None:
    assert lint(write_table()) == ()


def test_column_sorted_without_published_figures_is_proposed_to_be_dropped() -> None:
    top5 = [93.1, 95.2, 92.7, 94.4, 93.9, 95.0, 92.2, 94.8, 93.3, 94.1]
    rows = [{"top1": f"{80 - n}.1", "top5": f"{value}"} for n, value in enumerate(top5)]
    (finding,) = find(write_table(*rows), "column_sorted_on_its_own")
    assert {change.action for change in finding.repair} == {Action.DROP_SCORE}
    assert len(finding.repair) == 10


def test_few_rows_in_order_are_no_finding() -> None:
    rows = [{"top1": f"{80 - n}", "top5": f"{90 + n}"} for n in range(5)]
    assert not find(write_table(*rows), "column_sorted_on_its_own")


def test_top1_above_top5_is_found_with_the_exchange_as_repair() -> None:
    (finding,) = find(write_table({"top1": "92.1", "top5": "75.0"}), "depths_inverted")
    assert [(change.metric, change.after) for change in finding.repair] == [("top1", "75.0"), ("top5", "92.1")]


@pytest.mark.parametrize(
    ("column", "unit", "meant"),
    [
        (["76.1", "0.8043", "71.2"], "%", {"2": "80.43"}),
        # What the column says it is counts for more than what most of its rows are.
        (["0.761", "80.4", "0.712"], "%", {"1": "76.1", "3": "71.2"}),
        (["0.761", "80.4", "0.712"], "", {"2": "0.804"}),
    ],
)
def test_a_score_in_the_wrong_unit_is_found(column: list[str], unit: str, meant: dict[str, str]) -> None:
    findings = find(write_table(*({"top1": text} for text in column), unit=unit), "unit_slip")
    assert {finding.rows[0]: finding.repair[0].after for finding in findings} == meant


@pytest.mark.parametrize(
    ("shallow", "deep", "is_found"),
    [
        *(("top1", "top5", True), ("recall-at-1", "recall-at-5", True), ("percent-r-at-1", "percent-r-at-10", True)),
        *(("ap50", "ap75", False), ("cifar-10", "cifar-100", False), ("set5", "set14", False)),
        *(("map-at-0-5", "map-at-0-75", False), ("p-at-1", "p-at-5", False)),
    ],
)
def test_only_right_answers_among_the_first_k_are_depths_of_one_metric(shallow: str, deep: str, is_found: bool) -> None:
    found = find(write_table({shallow: "65.2", deep: "50.1"}), "depths_inverted")
    assert bool(found) is is_found


def test_fraction_among_percents_is_one_finding_and_a_guess_is_no_fraction() -> None:
    honest = [{"top1": "76.13"}, {"top1": "71.20"}]
    assert [f.rule for f in lint(write_table(*honest, {"top1": "0.7613"}, samples=50_000, classes=1000))] == [
        "unit_slip"
    ]
    assert [f.rule for f in lint(write_table(*honest, {"top1": "0.100"}, samples=50_000, classes=1000))] == [
        "chance_level"
    ]
    assert [f.rule for f in lint(write_table(*honest, {"top1": "1.00"}, samples=10_000, classes=100))] == [
        "chance_level"
    ]


def test_column_of_fractions_under_percent_is_one_finding() -> None:
    (finding,) = find(write_table({"top1": "0.761"}, {"top1": "0.8"}), "fractions_as_percents")
    assert [change.after for change in finding.repair] == ["76.1", "80"]


def test_fractions_under_no_unit_are_fine() -> None:
    assert not lint(write_table({"top1": "0.761"}, {"top1": "0.81"}, unit=""))


def test_guessing_is_found() -> None:
    rows = [{"top1": "76.1", "top5": "93.0"}, {"top1": "0.104", "top5": "0.510"}, {"top1": "71.0", "top5": "90.0"}]
    found = find(write_table(*rows, samples=50_000, classes=1000), "chance_level")
    assert [(finding.rows, finding.parameters["metric"]) for finding in found] == [(("2",), "top1"), (("2",), "top5")]


def test_top5_of_ten_classes_is_not_compared_with_guessing() -> None:
    assert not find(write_table({"top1": "76.1", "top5": "51.0"}, samples=10_000, classes=10), "chance_level")


@pytest.mark.parametrize(
    ("text", "samples", "is_fine"),
    [
        ("82.693", 50_000, False),
        ("82.692", 50_000, True),
        ("82.69", 50_000, True),
        ("81.03", 10_000, True),
        ("81.035", 10_000, False),
        ("33.333", 3, True),
        ("33.34", 3, False),
        ("66.66", 3, True),  # cut, not rounded
        ("66.67", 3, True),
        ("100", 7, True),
        ("about 80", 7, True),
        ("1e2", 7, True),
    ],
)
def test_possible_digits(text: str, samples: int, is_fine: bool) -> None:
    assert is_possible(text, samples, 100) is is_fine


@pytest.mark.parametrize(("text", "places", "moved"), [("0.8043", 2, "80.43"), ("80.4", -2, "0.804"), ("x", 2, "")])
def test_decimal_point_moves_without_losing_digits(text: str, places: int, moved: str) -> None:
    assert shift_point(text, places) == moved


def test_same_row_twice_is_found_and_the_second_dropped() -> None:
    row = ClaimRow("a", "ResNet", {"top1": StatedScore(76.1, "76.1"), "top5": StatedScore(93, "93")})
    again = ClaimRow("b", "ResNet", {"top1": StatedScore(76.1, "76.10"), "top5": StatedScore(93, "93")})
    metrics = write_table({"top1": "1", "top5": "1"}).metrics
    (finding,) = find(ClaimTable((row, again), metrics), "same_row_twice")
    assert [(change.action, change.row) for change in finding.repair] == [(Action.DROP_ROW, "b")]


def test_equal_scores_under_two_names_are_noted() -> None:
    table = write_table({"top1": "76.1", "top5": "93"}, {"top1": "76.1", "top5": "93"}, {"top1": "76", "top5": "93"})
    (finding,) = find(table, "same_scores")
    assert finding.rows == ("1", "2")
    assert not finding.repair


def test_coincidences_of_coarse_digits_are_not_reported() -> None:
    rows = [{"top1": f"0.9{n % 7}", "top5": "0.95"} for n in range(FEWEST_ROWS_TO_JUDGE)]
    assert not find(write_table(*rows, unit=""), "same_scores")


def build_row(key: str, url: str, top1: str, *, codes: tuple[str, ...] = (), setting: str = "") -> ClaimRow:
    score = StatedScore(float(top1), top1)
    return ClaimRow(key, f"model {key}", {"top1": score}, (StatedWeights("PyTorch", url),), codes, setting)


def lint_rows(*rows: ClaimRow) -> list[str]:
    return [finding.rule for finding in lint(ClaimTable(rows, write_table({"top1": "1"}).metrics))]


def test_one_file_with_two_scores_is_found_unless_settings_differ() -> None:
    url = "https://example.org/m.pth"
    assert lint_rows(build_row("a", url, "76.1"), build_row("b", url, "75.9")) == ["same_weights"]
    assert lint_rows(build_row("a", url, "76.1"), build_row("b", url, "75.9", setting="288 px")) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/someone/project",
        "https://github.com/someone/project/blob/master/models/net.py",
        "https://bitbucket.org/someone/project",
    ],
)
def test_address_of_code_is_no_weights(url: str) -> None:
    assert lint_rows(build_row("a", url, "76.1")) == ["code_as_weights"]


def test_weights_that_repeat_the_code_address_are_found() -> None:
    url = "https://example.org/net"
    assert lint_rows(build_row("a", url, "76.1", codes=(url,))) == ["code_as_weights"]


def test_released_file_on_a_code_host_is_weights() -> None:
    assert lint_rows(build_row("a", "https://github.com/o/p/releases/download/v1/net.pth", "76.1")) == []


def test_address_that_cannot_be_read_breaks_nothing() -> None:
    assert lint_rows(build_row("a", "https://[half/net.pth", "76.1")) == []


def test_lone_file_of_another_kind_is_not_odd() -> None:
    assert lint_rows(build_row("a", "https://h/f/a.onnx", "76"), build_row("b", "https://h/f/b.pth", "77")) == []


@pytest.mark.parametrize(
    ("key", "counts"),
    [("top1", True), ("top-5", True), ("accuracy", True), ("test-accuracy", True), ("map", False), ("miou", False)],
)
def test_proportions_are_known_by_their_key(key: str, counts: bool) -> None:
    assert is_proportion(key) is counts
