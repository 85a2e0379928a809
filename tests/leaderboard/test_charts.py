"""Charts: lines climb, names stay readable, and each board gets the picture that its facts allow."""

import datetime as dt
import itertools

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.charts import HALF, draw_tradeoff, draw_trend, list_costs, make_axis, make_strip
from leaderboard.charts.fronts import climb, step
from leaderboard.charts.labels import ANCHORS, ASCENT, DESCENT, Label, overlaps
from leaderboard.charts.plots import MOST_POINTS, Chart
from leaderboard.charts.scales import choose_ticks, span_days, span_decades
from leaderboard.charts.text import measure
from leaderboard.models import Metric
from leaderboard.queries import ChartRow, ScoreCell
from leaderboard.services.boards.standings import refresh_benchmark
from tests.factories import make_benchmark, make_entry

TOP1 = Metric(key="top1", label="Acc@1", unit="%", direction="higher", minimum=0, maximum=100)
LOSS = Metric(key="loss", label="Loss", direction="lower")


def make_row(name: str, verified: float | None, **facts: object) -> ChartRow:
    known: dict[str, object] = {
        "parameters": None,
        "multiply_adds": None,
        "published_on": None,
        "verified_at": None,
        "claimed": None,
    }
    return ChartRow(name, name, verified=verified, **(known | facts))  # type: ignore[arg-type]


def make_box(label: Label) -> tuple[float, float, float, float]:
    width = measure(label.text)
    begin = label.x - width * ANCHORS[label.anchor]
    return begin, label.y - ASCENT, begin + width, label.y + DESCENT


NAMES = st.text("abcMW 0-深度", min_size=1, max_size=40)
SCORES = st.one_of(st.none(), st.floats(0, 100))
ROWS = st.lists(
    st.tuples(NAMES, SCORES, SCORES, st.integers(1, 10**10)).filter(lambda row: row[1] is not None or row[2]),
    min_size=2,
    max_size=30,
    unique_by=lambda row: row[3],
)


def draw(rows: list[tuple[str, float | None, float | None, int]]) -> Chart:
    return draw_tradeoff(
        [make_row(name, verified, claimed=claimed, parameters=size) for name, verified, claimed, size in rows],
        TOP1,
        list_costs([make_row("a", 1.0, parameters=1), make_row("b", 1.0, parameters=2)])[0],
    )


@given(ROWS)
def test_names_never_meet_and_never_leave_the_frame(
    rows: list[tuple[str, float | None, float | None, int]],
) -> None:
    chart = draw(rows)
    boxes = [make_box(label) for label in chart.labels]
    assert not any(overlaps(one, two) for one, two in itertools.combinations(boxes, 2))
    for left, top, right, bottom in boxes:
        assert HALF.left <= left <= right <= HALF.width
        assert 0 <= top <= bottom <= HALF.bottom
    for box, point in itertools.product(boxes, chart.points):
        assert not (box[0] < point.x < box[2] and box[1] < point.y < box[3])


@given(ROWS)
def test_points_and_their_tips_stay_in_the_frame(rows: list[tuple[str, float | None, float | None, int]]) -> None:
    for point in draw(rows).points:
        assert HALF.left <= point.x <= HALF.right
        assert HALF.top <= point.y <= HALF.bottom
        half = measure(point.tip.text, 12) / 2
        assert half >= HALF.width / 2 or 0 <= point.tip.x - half <= point.tip.x + half <= HALF.width
        assert 10 <= point.tip.y <= HALF.bottom + 22


@given(ROWS)
def test_the_line_only_climbs(rows: list[tuple[str, float | None, float | None, int]]) -> None:
    points = [point for point in draw(rows).points if point.datum.is_verified]
    front = climb(points, is_lower=False)
    assert all(one.x <= two.x and one.value < two.value for one, two in itertools.pairwise(front))
    assert not points or front[-1].value == max(point.value for point in points)


def test_lower_is_better_where_the_metric_says_so() -> None:
    rows = [make_row("small", 3.0, parameters=10), make_row("large", 1.0, parameters=1000)]
    chart = draw_tradeoff(rows, LOSS, list_costs(rows)[0])
    assert [label.text for label in chart.labels] == ["large 1.00", "small"]


def test_the_first_name_fits_in_the_size_of_phones_too() -> None:
    known = [
        ("ShuffleNetV2 on digits", 85.31, 352_042),
        ("MobileNetV3 on digits", 95.49, 1_528_106),
        ("ResNet", 94.3, 11_181_642),
    ]
    rows = [make_row(name, value, parameters=parameters) for name, value, parameters in known]
    chart = draw_tradeoff(rows, TOP1, list_costs(rows)[0])
    (label,) = [label for label in chart.labels if "95.49" in label.text]
    width = measure(label.text, HALF.phone_size)
    begin = label.x - width * ANCHORS[label.anchor]
    assert HALF.left <= begin <= begin + width <= HALF.width


def test_of_speed_more_is_better() -> None:
    rows = [make_row("fast", 70.0, images_per_second=900.0), make_row("slow", 80.0, images_per_second=20.0)]
    (speed,) = list_costs(rows)
    chart = draw_tradeoff(rows, TOP1, speed)
    fast, slow = sorted(chart.points, key=lambda point: -point.x)
    assert chart.verified_path == step([fast, slow], HALF.left)
    assert chart.x_title == "images/s"


def test_claims_have_no_speed() -> None:
    rows = [make_row("a", 70.0, claimed=75.0, images_per_second=900.0), make_row("b", 80.0, images_per_second=20.0)]
    assert all(point.datum.is_verified for point in draw_tradeoff(rows, TOP1, list_costs(rows)[0]).points)


def test_trend_over_papers_has_claims_and_verified_scores() -> None:
    dates = (dt.date(2014, 12, 10), dt.date(2017, 9, 5))
    rows = [make_row(str(day), 70.0 + day.year % 10, claimed=80.0, published_on=day) for day in dates]
    chart = draw_trend(rows, TOP1)
    assert chart
    assert chart.verified_path
    assert chart.claimed_path
    assert [text for _x, text in chart.x_ticks] == ["2014", "2015", "2016", "2017", "2018"]
    assert chart.points[0].datum.x_text == "2014-12-10"


def test_trend_falls_back_on_the_days_of_verification() -> None:
    days = (dt.datetime(2026, 3, 1, tzinfo=dt.UTC), dt.datetime(2026, 3, 9, tzinfo=dt.UTC))
    rows = [make_row(f"m{day.day}", 70.0 + day.day, claimed=99.0, verified_at=day) for day in days]
    chart = draw_trend(rows, TOP1)
    assert chart
    assert chart.x_title == "verified on"
    assert not chart.claimed_path
    assert draw_trend(rows[:1], TOP1) is None


def test_many_points_are_thinned_and_the_line_is_kept() -> None:
    climbing = [make_row(f"m{size}", size / 100, parameters=size) for size in range(1, 2000)]
    falling = [make_row(f"n{size}", 20 - size / 100, parameters=size) for size in range(1, 2000)]
    for rows in (climbing, falling):
        chart = draw_tradeoff(rows, TOP1, list_costs(rows)[0])
        assert chart.is_thinned
        assert len(chart.points) == MOST_POINTS
    assert draw_tradeoff(climbing, TOP1, list_costs(climbing)[0]).verified_path.count("V") > 1000


@pytest.mark.parametrize(("low", "high"), [(0, 0), (74.434, 82.736), (99.9, 99.91), (-5, 1000)])
def test_ticks_hold_what_they_span(low: float, high: float) -> None:
    ticks = choose_ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert len(ticks) <= 7


def test_days_are_ticked_by_what_they_span() -> None:
    first = dt.date(2026, 1, 30)
    assert span_days(first, dt.date(2026, 2, 3)).ticks[0][1] == "01-30"
    assert span_days(first, dt.date(2026, 8, 3)).ticks[0][1] == "2026-01"
    assert span_days(first, dt.date(2046, 8, 3)).ticks[1][1] == "2029"
    assert [text for _x, text in span_decades(1e6, 1e8).ticks] == ["1 M", "2 M", "5 M", "10 M", "20 M", "50 M", "100 M"]


@pytest.mark.django_db
def test_reader_chooses_what_scores_are_drawn_against() -> None:
    board = make_benchmark()
    for size in (1, 30):
        model = make_entry(board, claims={"top1": 80.0 + size / 10}).model
        model.parameters, model.multiply_adds = size * 10**6, size * 10**8
        model.save()
    refresh_benchmark(board)
    page = Client().get("/benchmarks/digits/?status=claimed").content.decode()
    assert '<span aria-current="true">parameters</span>' in page
    assert 'href="?status=claimed&amp;chart=multiply_adds#charts"' in page
    assert "images/s" not in page
    page = Client().get("/benchmarks/digits/?chart=multiply_adds").content.decode()
    assert '<span aria-current="true">multiply-adds</span>' in page
    assert Client().get("/benchmarks/digits/?chart=nonsense").status_code == 200


def test_an_axis_of_strips_ends_where_the_metric_does() -> None:
    (only,) = cells = [ScoreCell(claimed=100.0)]
    axis = make_axis(cells, TOP1)
    assert axis is not None
    assert axis.ticks == (("99", "12.0"), ("100", "208.0"))
    assert make_strip(axis, only).claimed == 208
    assert make_axis([None, ScoreCell()], TOP1) is None


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_every_score_stands_on_the_axis_between_its_ends(values: list[float]) -> None:
    cells = [ScoreCell(verified=value) for value in values]
    axis = make_axis(cells, TOP1)
    assert axis is not None
    assert all(12 <= (make_strip(axis, cell).verified or 0) <= 208 for cell in cells)
    assert float(axis.ticks[0][1]) == 12
    assert float(axis.ticks[-1][1]) == 208
