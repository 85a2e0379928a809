"""A small score is told by its first digits wherever it stands, not as a zero."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from leaderboard.figures import write_score
from leaderboard.models import Benchmark, Entry

TABLE = """# Image denoising on Set12

| Model | MSE | FID |
|---|---|---|
| Net A | 0.00012 | 2.345678 |
| Net B | 0.00034 | 3.1 |
| Net C | 1e-7 | 12.5 |
"""


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (81.028, 2, "81.03"),
        (0.0, 3, "0.000"),
        (0.056, 3, "0.056"),
        (0.0061, 3, "0.0061"),
        (-0.00012, 3, "-0.00012"),
        (0.056, 2, "0.056"),
        (1e-7, 3, "1e-07"),
    ],
)
def test_digits(value: float, decimals: int, expected: str) -> None:
    assert write_score(value, decimals) == expected


@pytest.mark.django_db
def test_small_scores_are_told_apart_on_every_page_and_read_back(tmp_path: Path) -> None:
    (tmp_path / "table.md").write_text(TABLE)
    call_command("import_leaderboard", str(tmp_path / "table.md"), verbosity=0)
    board, (first, second) = Benchmark.objects.get(), Entry.objects.filter(model__name__in=["Net A", "Net B"])
    pages = {
        f"{board.get_absolute_url()}?metric=mse": ("0.00012", "0.00034", "1e-07", "0.0002"),
        first.get_absolute_url(): ("0.00012", "2.346", "No weights known."),
        first.model.get_absolute_url(): ("0.00012",),
        f"/compare/?a={first.pk}&b={second.pk}": ("0.00012", "0.00034"),
        f"/badges/{board.slug}/net-a.svg": ("0.00012",),
        f"/benchmarks/{board.slug}/export.csv": ("0.00012", "1e-07"),
        f"/benchmarks/{board.slug}/export.md": ("0.00012", "1e-07"),
    }
    for address, expected in pages.items():
        page = Client().get(address).getvalue().decode()
        assert [text for text in expected if text not in page] == [], address
        assert ">0.000<" not in page, address
