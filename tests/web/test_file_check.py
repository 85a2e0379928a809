"""What the form says as soon as a file is chosen, from its beginning and its end."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from django.core.files.base import ContentFile
from django.test import Client
from pytest_django import Settings

from evaluation.engine.architectures import build
from tests.factories import make_user
from tests.small import write_graph, write_weights

ADDRESS = "/submit/check/"
Range = tuple[int, int]


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def ask(client: Client, content: bytes, ranges: list[Range], size: int | None = None, name: str = "net.pth") -> Any:
    """Send these ranges of the content, and then what is asked for. Return the last answer."""
    for _ in range(4):
        pieces = [ContentFile(content[begin:end], name="piece") for begin, end in ranges]
        begins = [begin for begin, _end in ranges]
        fields = {"size": len(content) if size is None else size, "name": name, "begin": begins, "piece": pieces}
        answer = client.post(ADDRESS, fields)
        assert answer.status_code == 200, answer.content
        found = answer.json()
        if not found["need"]:
            return found
        ranges.append(tuple(found["need"]))
    raise AssertionError("the check asks for ever more")


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_state_dict_is_told_from_its_ends(client: Client, tmp_path: Path, is_zip: bool) -> None:
    path = tmp_path / "net.pth"
    state = build("torchvision/shufflenet_v2_x0_5", 10).state_dict()
    torch.save(state, path, _use_new_zipfile_serialization=is_zip)
    content = path.read_bytes()
    found = ask(client, content, [(0, 8192), (len(content) - 8192, len(content))])
    assert found["architectures"] == ["torchvision/shufflenet_v2_x0_5"]
    assert found["sentence"] == "This is torchvision/shufflenet_v2_x0_5, as a state dict file."
    assert found["protocol"]["crop"] == 224


def test_long_header_is_asked_for(client: Client, tmp_path: Path) -> None:
    content = write_weights(tmp_path / "net.safetensors").read_bytes()
    assert struct.unpack("<Q", content[:8])[0] > 4096
    found = ask(client, content, [(0, 4096)])
    assert found["architectures"] == ["cifar/resnet20"]


def test_file_that_is_refused_says_why_at_once(client: Client) -> None:
    found = ask(client, b"no model at all", [(0, 15)], name="broken.pth")
    assert found["is_refused"]
    assert found["sentence"].startswith("broken.pth is a text file, not a weights file")


def test_truncated_file_is_refused_before_it_is_sent(client: Client, tmp_path: Path) -> None:
    content = write_weights(tmp_path / "net.safetensors").read_bytes()[:-100]
    found = ask(client, content, [(0, len(content))])
    assert found["is_refused"]
    assert "truncated" in found["sentence"]


def test_file_over_the_limit_is_refused_before_it_is_sent(client: Client, settings: Settings) -> None:
    settings.MAX_WEIGHTS_BYTES = 2**20
    assert "larger than 1 MiB" in ask(client, b"x" * 10, [(0, 10)], size=2**21)["sentence"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"size": "x", "begin": ["0"]},
        {"size": "10", "begin": ["-1"]},
        {"size": "9" * 30, "begin": ["0"]},
        {"size": "10", "begin": []},
    ],
)
def test_nonsense_is_refused(client: Client, fields: dict[str, Any]) -> None:
    answer = client.post(ADDRESS, fields | {"piece": ContentFile(b"x" * 10, name="piece")})
    assert answer.status_code == 400
    assert json.loads(answer.content) == {"sentence": ""}


GRAPHS: dict[str, tuple[tuple[int | str, ...], int]] = {
    "NCHW": (("batch", 3, 32, 32), 32),
    "NHWC": (("batch", 32, 32, 3), 32),
    "fixed batch": ((1, 3, 40, 40), 40),
    "open sides": (("batch", 3, "height", "width"), 224),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "two pieces"])
def test_graph_says_what_it_takes_and_gives(client: Client, tmp_path: Path, name: str, is_whole: bool) -> None:
    shape, side = GRAPHS[name]
    content = write_graph(tmp_path / "net.onnx", shape).read_bytes()
    ranges = [(0, len(content))] if is_whole else [(0, 300), (len(content) - 300, len(content))]
    found = ask(client, content, ranges, name="net.onnx")
    written = "×".join(str(each) if isinstance(each, int) else "?" for each in shape[1:])
    batch = "N" if isinstance(shape[0], str) else "1"
    assert f"images as {batch}×{written} ({'NHWC' if name == 'NHWC' else 'NCHW'})" in found["sentence"]
    assert f"gives {batch}×10" in found["sentence"]
    assert "opset 17" in found["sentence"]
    assert "Written by pytorch 2.9." in found["sentence"]
    # Of a small file the two ends are all.
    assert ("About" in found["sentence"]) == (not is_whole and len(content) > 2000)
    assert (found["protocol"]["crop"], found["architectures"]) == (side, [])


def test_graph_whose_end_is_noise_says_what_is_certain(client: Client, tmp_path: Path) -> None:
    content = bytearray(write_graph(tmp_path / "net.onnx").read_bytes())
    end = content.rindex(b"images") - 4
    content[end : end + 40] = b"\x5a" * 40
    found = ask(client, bytes(content), [(0, 300), (len(content) - 300, len(content))])
    assert found["sentence"].startswith("An ONNX file, which carries its own architecture")
    assert "It takes" not in found["sentence"]


def test_graph_with_an_operator_that_is_not_run_is_refused_before_it_is_sent(client: Client, tmp_path: Path) -> None:
    content = write_graph(tmp_path / "net.onnx").read_bytes().replace(b"Flatten", b"RunTask")
    found = ask(client, content, [(0, 300), (len(content) - 300, len(content))])
    assert found["is_refused"]
    assert "operator 'RunTask'" in found["sentence"]
