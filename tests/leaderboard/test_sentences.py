"""Engine and rules speak English; pages say their sentences in the reader's language, and leave an admin's alone."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from evaluation.contract import InputFault, Protocol
from evaluation.fetch import check_url
from evaluation.recognition import describe_misfit
from evaluation.static_check import check
from leaderboard.refusals import SENTENCES
from leaderboard.sentences import PLACEHOLDER, say
from leaderboard.states import RUN_TRANSITIONS, TransitionRefused, check_transition

CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Words of English that stay: names of functions, formats and keys.
ENGLISH = re.compile(r"\b(the|is|are|it|this|again|which|with|not)\b", re.IGNORECASE)


def say_in_chinese(text: str) -> str:
    with translation.override("zh-hans"):
        return say(text)


@pytest.mark.parametrize("template", SENTENCES)
def test_every_sentence_is_recognised_with_its_values(template: str) -> None:
    names = PLACEHOLDER.findall(template)
    # A few are told from people's own words by a phrase in them alone.
    values = {name: f"{number}7" for number, name in enumerate(names)} | {"what": "a picture"} | {"where": " of 'x'"}
    given = template % values
    said = say_in_chinese(given)
    if set(names) == {"n", "given", "wanted"}:
        return
    assert CHINESE.search(said), given
    for name in set(names) - {"what", "where"}:
        assert values[name] in said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.pth", b""),
        ("page.pth", b"<!doctype html><html>"),
        ("notes.pth", b"no model at all"),
        ("photo.pth", b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
        ("cut.pth", b"PK\x03\x04" + b"\0" * 100),
        ("cut.safetensors", b"\xff" * 7 + b"\0{"),
        ("plain.pth", b"\x80\x04."),
    ],
)
def test_refusals_of_real_files_are_said_whole(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputFault) as refused:
        check(file, filename=name)
    said = say_in_chinese(str(refused.value))
    assert CHINESE.search(said)
    assert not ENGLISH.search(said), said
    assert say(str(refused.value)) == str(refused.value), "in English nothing changes"


def test_refusals_of_addresses_and_protocols_are_said() -> None:
    with pytest.raises(InputFault) as refused:
        check_url("ftp://example.org/x.pth", allow_private=False)
    assert say_in_chinese(str(refused.value)) == "只下载 https:// 地址。"
    with pytest.raises(InputFault) as refused:
        Protocol.from_dict({"interpolation": "magic"})
    assert "magic" in say_in_chinese(str(refused.value))


def test_what_a_file_lacks_is_said_part_by_part() -> None:
    given, wanted = {"a": (1,), "x": (2, 3)}, {"x": (3, 3), **{f"w{n}": (1,) for n in range(9)}}
    said = say_in_chinese(describe_misfit(given, wanted, "cifar/resnet20") + " It fits cifar/resnet32.")
    for part in ("与 cifar/resnet20 不符", "缺少：", "多余：a", "应为 (3, 3)", "它与 cifar/resnet32 相符"):
        assert part in said


def test_sentence_within_a_sentence_is_said_too() -> None:
    said = say_in_chinese("Stopped after 3 attempts, an admin looks at it. The worker stopped answering.")
    assert said == "尝试 3 次后停止，等待管理员查看。评测节点停止响应。"


def test_refused_move_is_said() -> None:
    with pytest.raises(TransitionRefused) as refused:
        check_transition(RUN_TRANSITIONS, "verified", "queued")
    assert CHINESE.search(say_in_chinese(str(refused.value)))


@pytest.mark.parametrize("text", ["", "This model is a copy; ask its authors.", "x" * 5000, "%s %(name)s is", "100 %"])
def test_what_people_wrote_stays_as_it_is(text: str) -> None:
    assert say_in_chinese(text) == text
