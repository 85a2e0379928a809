"""The form's fields of the protocol: filled in from what is known, changed by whoever knows better."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from playwright.sync_api import Browser, Route, expect

from leaderboard.models import Benchmark, Entry, Submission, Upload
from leaderboard.services.submitting.protocols import NAMES
from tests.factories import make_benchmark, make_entry, make_user
from tests.small import ARCHITECTURE, write_graph, write_weights
from tests.web.walker import LOOKS, Walker

Fields = dict[str, str]
SEEN = re.compile(r'<input[^>]*name="(protocol_\w+|graph_side)"[^>]*value="([^"]*)"|<option[^>]*>')
RESNET = {"protocol_resize": "256", "protocol_crop": "224", "protocol_mean": "0.485, 0.456, 0.406"}
FIXED = {"resize": 32, "crop": 28, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}


@pytest.fixture
def board(db: None) -> Benchmark:
    return make_benchmark()


@pytest.fixture
def client(board: Benchmark) -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def read_fields(text: str) -> Fields:
    """Return what the fields hold, those of choices included."""
    found = {name: html.unescape(value) for name, value in SEEN.findall(text) if name}
    for name in ("protocol_interpolation", "protocol_crop_mode"):
        part = text.partition(f'name="{name}"')[2].partition("</select>")[0]
        (chosen,) = re.findall(r"<option[^>]*selected[^>]*>([^<]*)", part) or [""]
        found[name] = chosen
    return found


def ask(client: Client, **values: str) -> Fields:
    answer = client.get("/submit/protocol/", values)
    assert answer.status_code == 200
    return read_fields(answer.content.decode())


def send(client: Client, tmp_path: Path, **values: Any) -> str:
    """Submit weights with these values. Return the page where they are refused, "" where they are taken."""
    weights = ContentFile(write_weights(tmp_path / "net.safetensors").read_bytes(), name="net.safetensors")
    answer = client.post("/submit/", {"benchmark": "digits", "model_name": "Net", "weights": weights, **values})
    return answer.content.decode() if answer.status_code == 400 else ""


def test_published_values_are_filled_in(client: Client) -> None:
    found = ask(client, benchmark="digits", architecture="torchvision/resnet50")
    assert found.items() >= RESNET.items()
    assert (found["protocol_interpolation"], found["protocol_crop_mode"]) == ("bilinear", "from the centre")


def test_another_architecture_brings_its_own_values(client: Client) -> None:
    first = ask(client, benchmark="digits", architecture="torchvision/resnet50")
    kept = first | {"protocol_crop_mode": "center"}
    found = ask(client, benchmark="digits", **kept, architecture=ARCHITECTURE)
    assert (found["protocol_resize"], found["protocol_crop"]) == ("none", "none")


def test_values_of_an_architecture_that_was_changed_since_are_nobodys(client: Client, tmp_path: Path) -> None:
    page = client.get("/submit/?benchmark=digits&architecture=timm/inception_v4").content.decode()
    filled = {name: html.unescape(value) for name, value in SEEN.findall(page) if name}
    known = {
        name: html.unescape(value) for name, value in re.findall(r'name="(protocol_filled)" value="([^"]*)"', page)
    }
    choices = {"protocol_interpolation": "bicubic", "protocol_crop_mode": "center"}
    assert send(client, tmp_path, **filled | known | choices, architecture=ARCHITECTURE) == ""
    assert Submission.objects.get().protocol is None


def test_claim_that_is_verified_brings_what_its_source_states(client: Client, board: Benchmark) -> None:
    entry = make_entry(board, "Net", claims={"top1": 81.0})
    Entry.objects.filter(pk=entry.pk).update(preprocessing={"resize": 320, "crop": 288, "interpolation": "bicubic"})
    found = read_fields(client.get(f"/submit/?entry={entry.pk}").content.decode())
    assert (found["protocol_resize"], found["protocol_crop"], found["protocol_mean"]) == ("320", "288", "")
    assert found["protocol_interpolation"] == "bicubic"


def test_what_was_typed_stays(client: Client) -> None:
    first = ask(client, benchmark="digits", architecture="torchvision/resnet50")
    typed = first | {"protocol_crop_mode": "center", "protocol_crop": "288"}
    found = ask(client, benchmark="digits", **typed, architecture=ARCHITECTURE)
    assert (found["protocol_resize"], found["protocol_crop"]) == ("256", "288")


@pytest.mark.parametrize("side", ["", "0", "9999", "x", "²", "-3"])
def test_side_that_is_none_fills_in_nothing(client: Client, side: str) -> None:
    assert ask(client, benchmark="digits", graph_side=side)["protocol_crop"] == ""


def test_benchmark_that_fixes_the_values_shows_them(client: Client, board: Benchmark) -> None:
    board.protocol.preprocessing = FIXED
    board.protocol.save()
    text = client.get("/submit/protocol/", {"benchmark": "digits", "architecture": ARCHITECTURE}).content.decode()
    assert "fixed by the benchmark" in text
    assert "<dd>28</dd>" in text
    assert "<dd>0.25, 0.25, 0.25</dd>" in text
    assert 'name="protocol_crop"' not in text


def test_published_values_are_stored_as_none(client: Client, tmp_path: Path) -> None:
    filled = ask(client, benchmark="digits", architecture=ARCHITECTURE) | {"protocol_crop_mode": "center"}
    assert send(client, tmp_path, **filled) == ""
    assert Submission.objects.get().protocol is None


def test_changed_values_are_declared(client: Client, tmp_path: Path) -> None:
    assert send(client, tmp_path, protocol_resize="36", protocol_crop="32", protocol_std="0.25 0.25 0.25") == ""
    declared = Submission.objects.get().protocol
    assert declared is not None
    assert (declared["resize"], declared["crop"], declared["interpolation"]) == (36, 32, "bilinear")
    assert list(declared["std"]) == [0.25] * 3


def test_fixed_values_are_not_declared_otherwise(client: Client, board: Benchmark, tmp_path: Path) -> None:
    board.protocol.preprocessing = FIXED
    board.protocol.save()
    assert send(client, tmp_path, protocol_crop="32") == ""
    assert Submission.objects.get().protocol is None


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("resize", "big", "resize must be a whole number of pixels from 1 to 4096"),
        ("crop", "0", "crop must be a whole number"),
        ("crop", "9" * 400, "crop must be a whole number"),
        ("interpolation", "magic", "interpolation &#x27;magic&#x27; is unknown"),
        ("crop_mode", "border", "crop_mode border needs a resize"),
        ("mean", "0.5, 0.5", "mean must be three numbers"),
        ("mean", "nan nan nan", "mean must be three numbers"),
        ("std", "0 0 0", "std must be three numbers above 0"),
        ("std", "a b c", "std must be three numbers"),
    ],
)
def test_value_that_cannot_be_is_refused_beside_its_field(
    client: Client, tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    page = send(client, tmp_path, **{f"protocol_{name}": text})
    (said,) = re.findall(rf'id="protocol_{name}-error">([^<]*)<', page)
    assert said.startswith(sentence)
    assert not Submission.objects.exists()


def test_earlier_submission_brings_its_protocol(client: Client, tmp_path: Path) -> None:
    send(client, tmp_path, protocol_resize="36", protocol_crop="32")
    again = client.get(f"/submit/?again={Submission.objects.get().pk}").content.decode()
    assert read_fields(again).items() >= {"protocol_resize": "36", "protocol_crop": "32"}.items()


def test_check_without_script_fills_in_and_keeps_the_file(client: Client, tmp_path: Path) -> None:
    weights = ContentFile(write_weights(tmp_path / "net.safetensors").read_bytes(), name="net.safetensors")
    page = client.post("/submit/", {"check": "1", "benchmark": "digits", "weights": weights}).content.decode()
    assert f"This is {ARCHITECTURE}" in page
    assert f'value="{ARCHITECTURE}"' in page
    assert read_fields(page)["protocol_crop"] == "none"
    upload = Upload.objects.get()
    assert f'<option value="{upload.pk}" selected>' in page
    values = {"benchmark": "digits", "model_name": "Net", "architecture": ARCHITECTURE, "upload": str(upload.pk)}
    assert client.post("/submit/", values).status_code == 302
    assert Submission.objects.get().weights_sha256


def test_check_of_the_same_file_keeps_it_once(client: Client, tmp_path: Path) -> None:
    content = write_graph(tmp_path / "net.onnx", ("batch", 3, 40, 40)).read_bytes()
    for _ in range(2):
        weights = ContentFile(content, name="net.onnx")
        page = client.post("/submit/", {"check": "1", "benchmark": "digits", "weights": weights}).content.decode()
    assert Upload.objects.count() == 1
    assert read_fields(page)["protocol_crop"] == "40"


def test_check_of_a_file_that_is_refused_keeps_nothing(client: Client) -> None:
    weights = ContentFile(b"no weights at all, just text", name="net.pth")
    page = client.post("/submit/", {"check": "1", "benchmark": "digits", "weights": weights}).content.decode()
    assert "net.pth is a text file" in page
    assert not Upload.objects.exists()


def test_graph_of_another_number_of_classes_is_refused(client: Client, tmp_path: Path) -> None:
    weights = ContentFile(write_graph(tmp_path / "net.onnx", classes=7).read_bytes(), name="net.onnx")
    values = {"benchmark": "digits", "model_name": "Net", "weights": weights}
    page = client.post("/submit/", values).content.decode()
    assert "The network has 7 outputs where the benchmark has 10 classes." in page


def test_fields_have_names_that_the_form_knows(client: Client) -> None:
    text = client.get("/submit/").content.decode()
    assert all(f'name="{name}"' in text for name in NAMES)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_chosen_file_fills_in_the_fields(browser: Browser, live_portal: str, tmp_path: Path) -> None:
    make_benchmark()
    make_user("eva")
    graph = write_graph(tmp_path / "net.onnx", ("batch", 3, 40, 40))
    weights = write_weights(tmp_path / "net.safetensors")
    with Walker(browser, live_portal, LOOKS[0]) as walker:
        walker.sign_in("eva")
        walker.open("/submit/")
        page, crop = walker.page, walker.page.locator("#protocol_crop")
        page.locator("#weights").set_input_files(graph)
        expect(crop).to_have_value("40")
        page.locator("#weights").set_input_files(weights)
        expect(crop).to_have_value("none")
        page.locator("#architecture").fill("torchvision/resnet50")
        page.locator("#architecture").press("Tab")
        expect(crop).to_have_value("224")
        crop.fill("288")
        page.locator("#architecture").fill(ARCHITECTURE)
        page.locator("#architecture").press("Tab")
        expect(page.locator("#protocol legend")).to_contain_text(ARCHITECTURE)
        expect(crop).to_have_value("288")
        # What is typed while the answer is on its way stays.
        held: list[Route] = []
        page.route("**/submit/protocol/**", lambda route: route.continue_() if held else held.append(route))
        page.locator("#architecture").fill("torchvision/resnet34")
        with page.expect_request("**/submit/protocol/**"):
            page.locator("#architecture").press("Tab")
        crop.fill("320")
        held[0].continue_()
        expect(page.locator("#protocol legend")).to_contain_text("torchvision/resnet34")
        expect(crop).to_have_value("320")
        # The session may have ended meanwhile; the page to sign in on has no place in the form.
        page.context.clear_cookies()
        page.locator("#architecture").fill("torchvision/resnet18")
        page.locator("#architecture").press("Tab")
        expect(page.locator("#protocol legend")).to_contain_text("torchvision/resnet18")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_file_is_checked_and_submitted_without_script(browser: Browser, live_portal: str, tmp_path: Path) -> None:
    make_benchmark()
    make_user("eva")
    look = next(look for look in LOOKS if not look.has_script and look.is_narrow and look.language != "en")
    with Walker(browser, live_portal, look) as walker:
        walker.sign_in("eva")
        walker.open("/submit/")
        walker.page.locator("#weights").set_input_files(write_weights(tmp_path / "net.safetensors"))
        walker.button("Check the file and fill in what it tells").click()
        walker.see("This is %(name)s, as a %(format)s file.", name=ARCHITECTURE, format="safetensors")
        expect(walker.page.locator("#architecture")).to_have_value(ARCHITECTURE)
        walker.field("Model name").fill("Net")
        walker.button("Submit for verification").click()
        walker.page.wait_for_url("**/submissions/*-*/")
    assert Submission.objects.get().weights_name == "net.safetensors"
