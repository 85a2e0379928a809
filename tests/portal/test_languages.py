"""Which language a page speaks, and how Chinese is written on it."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client
from django.utils import translation

from leaderboard.models.audit import list_kinds
from leaderboard.sentences import gap, say

CATALOGUE = Path(settings.BASE_DIR) / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
HAN, MARKS = r"[\u4e00-\u9fff]", r"[，。：；、？！（）“”]"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
WRONG = {
    "half-width mark after Chinese": rf"{HAN}[,;:!?.()]|[()]{HAN}",
    "space beside a full-width mark": rf"{MARKS} (?!$)|(?<=\S) {MARKS}",
    "no space between Chinese and Latin": rf"{HAN}[A-Za-z0-9]|[A-Za-z0-9]{HAN}",
    "space within Chinese": rf"{HAN} {HAN}",
    # One thing has one name: 账户, 评测, 账本.
    "second name for a thing": "账号|帐户|帐号|评估|流水|电子邮件",
}


def read_translations() -> list[str]:
    with CATALOGUE.open("rb") as file:
        said = [message.string for message in read_po(file) if message.id]
    return [str(text) for texts in said for text in (texts if isinstance(texts, list | tuple) else [texts])]


@pytest.mark.parametrize("fault", WRONG)
def test_chinese_is_set_as_chinese_is(fault: str) -> None:
    texts = [PLACEHOLDER.sub("…", text) for text in read_translations()]
    assert len(texts) > 1000
    assert [text for text in texts if re.search(WRONG[fault], text)] == []


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


def test_every_kind_of_thing_in_the_trail_has_a_chinese_name() -> None:
    with translation.override("zh-hans"):
        assert {str(name) for name in list_kinds().values() if not re.search(HAN, str(name))} == {"Webhook"}


def test_sentences_are_parted_as_the_language_parts_them() -> None:
    assert gap() == " "
    with translation.override("zh-hans"):
        assert gap() == ""
        assert say("The file does not fit a/b: missing: x; not known: y.") == "该文件与 a/b 不符：缺少：x；多余：y。"
