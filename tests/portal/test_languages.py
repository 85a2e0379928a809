"""Which language a page speaks."""

import pytest
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("zh", "zh-Hans"),
        ("zh;q=0", "en"),
        ("zh-CN; Q=0.000, *", "en"),
        ("en;q=0, zh;q=0.001", "zh-Hans"),
        ("fr, zh;q=0.5", "zh-Hans"),
        (";q=0,,", "en"),
    ],
)
def test_refused_language_is_not_spoken(asked: str, language: str) -> None:
    answer = Client().get("/tasks/", headers={"Accept-Language": asked})
    assert f'<html lang="{language}">' in answer.content.decode()
