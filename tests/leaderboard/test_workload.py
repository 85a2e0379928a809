"""Large evaluations are told from small ones, and cut where chunks meet."""

import itertools

import pytest

from leaderboard.workload import MOST_PARTS, cut, estimate_multiply_adds


@pytest.mark.parametrize(
    ("architecture", "measured"),
    [("torchvision/resnet50", 4.1e9), ("torchvision/densenet121", 2.8e9), ("torchvision/mobilenet_v3_small", 5.6e7)],
)
def test_the_guess_is_of_the_right_size(architecture: str, measured: float) -> None:
    assert 1 / 8 < estimate_multiply_adds(architecture, None) / measured < 8


def test_a_measured_number_goes_before_the_guess() -> None:
    assert estimate_multiply_adds("torchvision/resnet50", None, known=17) == 17


def test_a_graph_is_guessed_by_the_size_of_its_file() -> None:
    assert estimate_multiply_adds("", 400_000_000) > 100 * estimate_multiply_adds("", 1_000_000) > 0
    assert estimate_multiply_adds("", None) == 0


@pytest.mark.parametrize(("samples", "count"), [(50_000, 10), (513, 2), (5_000_000, MOST_PARTS)])
def test_parts_cover_everything_once_and_meet_between_chunks(samples: int, count: int) -> None:
    bounds = cut(samples, 4_000_000_000, most=2e13 if samples > 1000 else 1, chunk=512)
    assert len(bounds) == count
    assert (bounds[0][0], bounds[-1][1]) == (0, samples)
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(bounds))
    assert all(start % 512 == 0 and start < stop for start, stop in bounds)


@pytest.mark.parametrize(
    ("samples", "multiply_adds", "most"), [(10_000, 40_000_000, 2e13), (512, 10**12, 1), (0, 1, 1)]
)
def test_what_one_worker_does_well_is_not_cut(samples: int, multiply_adds: int, most: float) -> None:
    assert cut(samples, multiply_adds, most=most, chunk=512) == []
