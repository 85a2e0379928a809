"""Mean average precision, by hand, against scikit-learn, and against the devkit's own steps."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import average_precision_score

from evaluation.contract import InputFault
from evaluation.engine.metrics import choose
from evaluation.engine.metrics.multilabel import Outcomes, analyse, judge, score

Logits = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


def of_one_class(marks: list[int], scores: list[float] | None = None) -> Outcomes:
    """Judge images of these labels, best first unless they have scores."""
    values = scores if scores is not None else list(range(len(marks), 0, -1))
    return judge(np.array(values, np.float32)[:, None], np.array(marks, np.int32)[:, None])


def find(outcomes: Outcomes, key: str) -> float:
    return score(outcomes, (key,))[key].value


def follow_devkit(scores: Logits, marks: Labels, year: int) -> float:
    """Return what VOCevalcls.m (2007) or VOCap.m (2010) computes of one class, line by line."""
    order = np.argsort(-scores, kind="stable")
    tp, fp = np.cumsum(marks[order] > 0), np.cumsum(marks[order] < 0)
    recall, precision = tp / (marks > 0).sum(), tp / np.maximum(tp + fp, 1)
    if year == 2007:
        points = [precision[np.round(recall, 9) >= np.round(t / 10, 9)] for t in range(11)]
        return float(np.mean([point.max() if len(point) else 0 for point in points]))
    recall, precision = np.array([0, *recall, 1]), np.array([0, *precision, 0])
    for place in range(len(precision) - 2, -1, -1):
        precision[place] = max(precision[place], precision[place + 1])
    steps = np.flatnonzero(recall[1:] != recall[:-1]) + 1
    return float(((recall[steps] - recall[steps - 1]) * precision[steps]).sum())


HAND = [
    # All found first.
    ([1, 1, -1, -1], 100.0, 100.0),
    # Precision 1, 2/3: recall to one half at 1, to 1 at 2/3; six of the eleven points lie at or below one half.
    ([1, -1, 1, -1], 100 * (0.5 + 0.5 * 2 / 3), 100 * (6 + 5 * 2 / 3) / 11),
    # Precision 1/2, 2/3 is made monotone: 2/3 throughout.
    ([-1, 1, 1], 100 * 2 / 3, 100 * 2 / 3),
    # Last of four.
    ([-1, -1, -1, 1], 25.0, 25.0),
    # What is only difficult counts for nothing, wherever it stands.
    ([0, 1, 0, -1, 0, 1, -1, 0], 100 * (0.5 + 0.5 * 2 / 3), 100 * (6 + 5 * 2 / 3) / 11),
    # Three of ten reach recall 0.3, although 3 * 0.1 > 0.3 in floating point: four points at 1, seven at 1/2.
    ([1] * 3 + [-1] * 7 + [1] * 7, 100 * (0.3 + 0.7 * 10 / 17), 100 * (4 + 7 * 10 / 17) / 11),
]


@pytest.mark.parametrize(("marks", "all_points", "eleven_points"), HAND)
def test_hand_worked_rankings(marks: list[int], all_points: float, eleven_points: float) -> None:
    outcomes = of_one_class(marks)
    assert find(outcomes, "map") == pytest.approx(all_points)
    assert find(outcomes, "map11") == pytest.approx(eleven_points)


@pytest.mark.parametrize(("key", "year"), [("map", 2010), ("map11", 2007)])
def test_random_rankings_are_the_devkits(key: str, year: int) -> None:
    random = np.random.default_rng(0)
    logits, marks = random.normal(size=(60, 12)).astype(np.float32), random.integers(-1, 2, (60, 12)).astype(np.int32)
    expected = [follow_devkit(logits[:, place], marks[:, place], year) for place in range(12)]
    rows = analyse(judge(logits, marks), marks, tuple("abcdefghijkl"))["average_precision"]
    assert [row[key] for row in rows] == pytest.approx([100 * value for value in expected], abs=1e-3)
    assert find(judge(logits, marks), key) == pytest.approx(100 * np.mean(expected))


def test_falling_precision_is_scikit_learns() -> None:
    """Both take equal scores as one step; scikit-learn does not make precision monotone, so here it only falls."""
    random, checked = np.random.default_rng(1), 0
    for _ in range(400):
        marks, values = random.choice([1, -1], 8), random.integers(0, 4, 8).astype(np.float32)
        order = [marks[values == value] for value in sorted(set(values.tolist()), reverse=True)]
        hits, seen = np.cumsum([(step == 1).sum() for step in order]), np.cumsum([len(step) for step in order])
        if hits[-1] and (np.diff(hits / seen) <= 0).all():
            expected = average_precision_score(marks == 1, values)
            assert find(of_one_class(marks.tolist(), values.tolist()), "map") == pytest.approx(100 * expected)
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("key", ["map", "map11"])
def test_order_of_the_images_does_not_decide_ties(key: str) -> None:
    assert find(of_one_class([1, 1, -1, -1, -1], [0.0] * 5), key) == pytest.approx(40)
    assert find(of_one_class([-1, -1, -1, 1, 1], [0.0] * 5), key) == pytest.approx(40)


def test_class_without_an_image_is_left_out_of_the_mean() -> None:
    marks = np.array([[1, -1, 0], [-1, -1, -1], [1, -1, 0]], np.int32)
    outcomes = judge(np.array([[3, 9, 9], [2, 9, 9], [1, 9, 9]], np.float32), marks)
    assert find(outcomes, "map") == pytest.approx(100 * (0.5 + 0.5 * 2 / 3))
    rows = analyse(outcomes, marks, ("cat", "dog", "emu"))["average_precision"]
    assert [(row["name"], row["images"], row["difficult"], row["map"]) for row in rows] == [
        ("cat", 2, 0, 83.333),
        ("dog", 0, 0, None),
        ("emu", 0, 2, None),
    ]


def test_interval_holds_the_value_repeats_and_narrows_with_more_images() -> None:
    def draw(samples: int) -> tuple[float, float, float]:
        random = np.random.default_rng(2)
        marks = np.where(random.random((samples, 5)) < 0.2, 1, -1).astype(np.int32)
        logits = (random.normal(size=marks.shape) + marks).astype(np.float32)
        found = score(judge(logits, marks), ("map",))["map"]
        return found.low, found.value, found.high

    few, many = draw(200), draw(3200)
    assert few == draw(200)
    for low, value, high in (few, many):
        assert 0 < low < value < high < 100
    # Sixteen times as many images: about a fourth of the width.
    assert 2.5 < (few[2] - few[0]) / (many[2] - many[0]) < 6


def test_interval_is_that_of_images_drawn_and_scored_anew() -> None:
    random = np.random.default_rng(3)
    marks = random.choice([1, 0, -1], (80, 3), p=[0.3, 0.1, 0.6]).astype(np.int32)
    logits = (random.normal(size=marks.shape) + marks).round(1).astype(np.float32)
    found, values = score(judge(logits, marks), ("map",))["map"], []
    for _ in range(1000):
        draw = random.integers(0, 80, 80)
        rows = analyse(judge(logits[draw], marks[draw]), marks[draw], ("a", "b", "c"))["average_precision"]
        values.append(np.mean([row["map"] for row in rows]))
    assert (found.low, found.high) == pytest.approx(np.percentile(values, (2.5, 97.5)), abs=1.2)


@pytest.mark.parametrize(
    ("dimensions", "key", "reason"),
    [
        (1, "map", "does not fit this dataset, which has one label an image; use top1, top5"),
        (2, "top1", "does not fit this dataset, which has several labels an image; use map, map11"),
        (1, "top0", "'top0' is unknown; use top1, top5 for one label"),
        (2, "score", "map, map11 for several labels"),
    ],
)
def test_metric_of_another_kind_is_refused(dimensions: int, key: str, reason: str) -> None:
    with pytest.raises(InputFault, match=reason):
        choose(np.ones((2,) * dimensions, np.int32), (key,))
