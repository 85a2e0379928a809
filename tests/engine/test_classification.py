import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import top_k_accuracy_score

from evaluation.contract import InputFault
from evaluation.engine.metrics.classification import analyse, judge, score

Logits = npt.NDArray[np.float32]


def as_logits(rows: list[list[float]]) -> Logits:
    return np.array(rows, np.float32)


def as_labels(labels: list[int]) -> npt.NDArray[np.int32]:
    return np.array(labels, np.int32)


def test_lower_class_index_wins_among_equal_logits() -> None:
    outcomes = judge(as_logits([[1, 3, 3, 2]] * 4), as_labels([0, 1, 2, 3]))
    assert outcomes.top.tolist() == [[1, 2, 3, 0]] * 4
    assert outcomes.rank.tolist() == [3, 0, 1, 2]


def test_constant_logits_are_right_for_the_first_classes_only() -> None:
    outcomes = judge(np.zeros((10, 10), np.float32), np.arange(10, dtype=np.int32))
    scores = score(outcomes, ("top1", "top5"))
    assert (scores["top1"].correct, scores["top5"].correct) == (1, 5)


def test_rank_and_order_follow_the_tie_rule_on_coarse_logits() -> None:
    random = np.random.default_rng(0)
    logits = random.integers(0, 4, (200, 12)).astype(np.float32)
    labels = random.integers(0, 12, 200).astype(np.int32)
    outcomes = judge(logits, labels)
    for row, label, top, rank in zip(logits, labels, outcomes.top, outcomes.rank, strict=True):
        expected = sorted(range(12), key=lambda index: (-row[index], index))
        assert top.tolist() == expected[:5]
        assert rank == expected.index(label)


def test_near_ties_are_those_that_another_order_of_sums_can_turn_over() -> None:
    ulp = 2.0**-23
    # Leads of nothing, of 64 and 65 units in the last place of the largest logit, of plenty; and a large negative one.
    rows: list[list[float]] = [
        [8.0, 8.0, 0],
        [8.0, 8.0 - 8 * 64 * ulp, 0],
        [8.0, 8.0 - 8 * 72 * ulp, 0],
        [8.0, 7.0, 0],
        [1e-3, 0.0, -500],
    ]
    labels = as_labels([0] * len(rows))
    assert analyse(judge(as_logits(rows), labels), labels, ("a", "b", "c"))["near_ties"] == 3


def test_one_class_alone_is_no_tie() -> None:
    labels = as_labels([0, 0])
    assert analyse(judge(as_logits([[0], [1]]), labels), labels, ("a",))["near_ties"] == 0


@pytest.mark.parametrize("k", [1, 2, 5])
def test_accuracy_without_ties_is_scikit_learns(k: int) -> None:
    random = np.random.default_rng(1)
    logits, labels = random.normal(size=(500, 20)).astype(np.float32), random.integers(0, 20, 500).astype(np.int32)
    found = score(judge(logits, labels), (f"top{k}",))[f"top{k}"]
    assert found.value == pytest.approx(100 * top_k_accuracy_score(labels, logits, k=k, labels=range(20)))
    assert found.low < found.value < found.high


def test_top5_of_three_classes_is_everything() -> None:
    assert score(judge(as_logits([[1, 2, 3]]), as_labels([0])), ("top5",))["top5"].value == 100


def test_logits_as_far_apart_as_floats_are_judged_without_a_warning() -> None:
    outcomes = judge(as_logits([[3e38, -3e38, 0], [-3e38, 3e38, 0]]), as_labels([0, 0]))
    assert outcomes.rank.tolist() == [0, 2]
    assert outcomes.scores.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert outcomes.to_columns(3)["margin"].tolist() == [65504, -65504]


@pytest.mark.parametrize("key", ["top0", "map", "top", "accuracy", "top" + "9" * 5_000])
def test_unknown_metric_is_refused(key: str) -> None:
    with pytest.raises(InputFault, match=f"The metric '{key[:100]}"):
        score(judge(as_logits([[1, 2]]), as_labels([0])), (key,))


def test_analysis_counts_each_class_and_names_what_is_confused() -> None:
    logits = as_logits([[9, 0], [9, 0], [9, 0], [0, 9]])
    labels = as_labels([0, 1, 1, 1])
    analysis = analyse(judge(logits, labels), labels, ("cat", "dog"))
    assert analysis["confusion"] == [[1, 0], [2, 1]]
    assert [row["accuracy"] for row in analysis["per_class"]] == [100.0, 33.333]
    assert analysis["confused"] == [{"true": "dog", "predicted": "cat", "count": 2}]
    # All four are equally sure, so the first of the wrong ones comes first.
    assert [(each["sample"], each["true"], each["predicted"]) for each in analysis["mistakes"]] == [
        (1, "dog", "cat"),
        (2, "dog", "cat"),
    ]
    assert analysis["mistakes"][0]["probability"] == pytest.approx(0.9999, abs=1e-4)
    # All four are sure, one half is right.
    assert analysis["calibration_error"] == pytest.approx(50, abs=0.1)


def test_surest_mistakes_come_first_and_are_few() -> None:
    labels = as_labels([0] * 60)
    logits = as_logits([[0, 1 + sample / 10] for sample in range(60)])
    mistakes = analyse(judge(logits, labels), labels, ("cat", "dog"))["mistakes"]
    assert [each["sample"] for each in mistakes] == list(range(59, 35, -1))
