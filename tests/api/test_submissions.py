"""Submissions by script: what is taken, what is refused and why, and who sees what."""

import dataclasses
import hashlib
import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from leaderboard.models import Benchmark, Result, Submission, Upload
from leaderboard.services.running import attempts
from leaderboard.services.submitting import intake, submissions, uploads
from portal.accounts.models import User
from tests.api.conftest import client_of, read_problem
from tests.factories import make_submission, make_user
from tests.small import ARCHITECTURE

ADDRESS = "/api/v1/submissions/"
BY_URL = {
    "benchmark": "digits",
    "model": "ResNet-18",
    "architecture": "torchvision/resnet18",
    "weights_url": "https://download.pytorch.org/models/resnet18-f37072fd.pth",
}


def fields(**changes: Any) -> dict[str, Any]:
    """Return a whole request by address, with changes; None leaves a field out."""
    return {name: value for name, value in (BY_URL | changes).items() if value is not None}


@pytest.mark.parametrize("format_", ["safetensors", "state_dict"])
def test_file_is_taken_as_multipart(
    api: APIClient, digits: Benchmark, format_: str, request: pytest.FixtureRequest
) -> None:
    upload: SimpleUploadedFile = request.getfixturevalue(f"{format_}_file")
    digest = hashlib.sha256(upload.read()).hexdigest()
    upload.seek(0)
    claims = json.dumps({"top1": 69.76})
    sent = fields(weights_url=None, architecture=ARCHITECTURE, weights=upload, weights_sha256=digest, claims=claims)
    response = api.post(ADDRESS, sent | {"paper_url": "https://arxiv.org/abs/1512.03385"}, format="multipart")
    assert response.status_code == 201, response.content
    body = response.json()
    assert response["Location"] == f"{ADDRESS}{body['id']}/"
    assert (body["state"], body["weights_sha256"], body["claims"]) == ("queued", digest, {"top1": 69.76})
    assert body["progress"]["queue_position"] == 1
    stored = Submission.objects.get(pk=body["id"])
    assert stored.weights_format == format_
    with stored.weights_file.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest


@pytest.mark.parametrize("name", ["net." + "x" * 250, "模型." + "权" * 80, "😀.pth"])
def test_file_is_taken_whatever_it_is_called(
    api: APIClient, digits: Benchmark, safetensors_file: SimpleUploadedFile, name: str
) -> None:
    safetensors_file.name = name
    sent = fields(weights_url=None, architecture=ARCHITECTURE, weights=safetensors_file)
    response = api.post(ADDRESS, sent, format="multipart")
    assert response.status_code == 201, response.content
    assert name.startswith(response.json()["weights_name"])


@pytest.mark.parametrize("format_", ["json", "multipart"])
def test_address_is_taken(api: APIClient, lin: User, digits: Benchmark, format_: str) -> None:
    claims: Any = {"top1": "69.76％", "top5": "89.08 %", "map": None}
    sent = fields(claims=claims if format_ == "json" else json.dumps(claims))
    response = api.post(ADDRESS, sent, format=format_)
    assert response.status_code == 201, response.content
    submission = Submission.objects.get()
    assert submission.submitter == lin
    assert submission.claims == {"top1": 69.76, "top5": 89.08}
    assert submission.weights_url == BY_URL["weights_url"]
    assert api.get(response["Location"]).json() == response.json()


def test_declared_protocol_is_kept(api: APIClient, digits: Benchmark) -> None:
    response = api.post(ADDRESS, fields(protocol={"resize": 256, "crop": 224}), format="json")
    assert response.status_code == 201, response.content
    protocol = Submission.objects.get().protocol
    assert protocol is not None
    assert (protocol["resize"], protocol["crop"]) == (256, 224)
    for told in (response.json(), api.get(response["Location"]).json(), api.get(ADDRESS).json()["results"][0]):
        assert told["protocol"] == protocol
        assert told["background"] == "none"


def test_submission_without_a_protocol_tells_none(api: APIClient, digits: Benchmark) -> None:
    assert api.post(ADDRESS, fields(), format="json").json()["protocol"] is None


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"benchmark": "digit"}, "benchmark", "the nearest are: digits"),
        ({"benchmark": None}, "benchmark", "digits"),
        ({"model": None}, "model", "Give the model's name"),
        ({"model": ["ResNet"]}, "model", "is text"),
        ({"model": "x\0"}, "model", "null byte"),
        ({"model": "x" * 5001}, "model", "longer than 5000"),
        (
            {"architecture": "torchvision/resnet1x"},
            "architecture",
            "torchvision/resnet18",
        ),
        ({"architecture": None}, "architecture", "Give the architecture"),
        ({"weights_sha256": "abc"}, "weights_sha256", "64 hexadecimal digits"),
        ({"claims": {"top1": 918}}, "claims", "top1: Acc@1 lies between 0 and 100; 918 cannot be"),
        ({"claims": {"top1": -1}}, "claims", "top1: Acc@1 lies between 0 and 100; -1 cannot be"),
        ({"claims": {"top1": "high"}}, "claims", "is no number"),
        ({"claims": {"top1": True}}, "claims", "top1: “true” is no number"),
        ({"claims": {"top9": 9}}, "claims", "it has top1, top5"),
        ({"claims": "91.73"}, "claims", "claims is a JSON object"),
        ({"claims": "{"}, "claims", "claims is a JSON object"),
        ({"claims": "[" * 100_000}, "claims", "claims is a JSON object"),
        ({"protocol": {"size": 224}}, "protocol", "unknown key 'size'"),
        ({"protocol": {"crop": -1}}, "protocol", "crop"),
        ({"background": "some"}, "background", "Use one of"),
        ({"weights_url": None}, "weights", "Choose a weights file"),
        ({"weights_url": "http://example.org/a.pth"}, "weights_url", "https"),
        ({"weights_url": "https://127.0.0.1/a.pth"}, "weights_url", "private network"),
        ({"paper_url": "javascript:alert(1)"}, "paper_url", "https://"),
        ({"code_url": "ftp://example.org"}, "code_url", "https://"),
    ],
)
def test_refusal_names_the_field_and_stores_nothing(
    api: APIClient, digits: Benchmark, changes: dict[str, Any], field: str, reason: str
) -> None:
    errors = read_problem(api.post(ADDRESS, fields(**changes), format="json"), 400)
    assert set(errors) == {field}
    assert reason in errors[field][0]
    assert not Submission.objects.exists()


@pytest.mark.parametrize(
    ("content", "changes", "field", "reason"),
    [
        (b"these are no weights", {}, "weights", "safetensors"),
        (b"", {}, "weights", "empty"),
        (None, {"weights_sha256": "0" * 64}, "weights_sha256", "upload the right file or mend the digest"),
        (None, {"weights_url": BY_URL["weights_url"]}, "weights_url", "not both"),
    ],
)
def test_refused_file_is_not_stored(
    api: APIClient,
    digits: Benchmark,
    safetensors_file: SimpleUploadedFile,
    content: bytes | None,
    changes: dict[str, Any],
    field: str,
    reason: str,
) -> None:
    upload = safetensors_file if content is None else SimpleUploadedFile("net.pth", content)
    sent = fields(weights_url=None, architecture=ARCHITECTURE, weights=upload) | changes
    errors = read_problem(api.post(ADDRESS, sent, format="multipart"), 400)
    assert set(errors) == {field}
    assert reason in errors[field][0]
    assert not Submission.objects.exists()


def test_every_field_that_is_off_is_named_at_once(api: APIClient, digits: Benchmark) -> None:
    sent = fields(architecture="resnet", claims={"top1": 918, "top5": "?"}, weights_url=None, model="")
    errors = read_problem(api.post(ADDRESS, sent, format="json"), 400)
    assert set(errors) == {"architecture", "claims", "weights", "model"}
    assert len(errors["claims"]) == 2


@pytest.mark.parametrize("body", ["[]", '"text"', "{", "[" * 100_000, '{"model": NaN}', '{"model": "\\ud800"}'])
def test_body_that_is_no_object_is_refused(api: APIClient, digits: Benchmark, body: str) -> None:
    read_problem(api.post(ADDRESS, body, content_type="application/json"), 400)


def test_body_that_is_too_large_is_refused(api: APIClient, digits: Benchmark) -> None:
    read_problem(api.post(ADDRESS, " " * 2_500_001, content_type="application/json"), 413)


def test_media_type_that_is_not_read_is_told(api: APIClient, digits: Benchmark) -> None:
    read_problem(api.post(ADDRESS, "<xml/>", content_type="application/xml"), 415)


def test_benchmark_without_images_takes_nothing(api: APIClient, imagenet: Benchmark) -> None:
    errors = read_problem(api.post(ADDRESS, fields(benchmark=imagenet.slug), format="json"), 400)
    assert "not registered" in errors["benchmark"][0]


def test_quota_is_told(api: APIClient, digits: Benchmark, settings: Settings) -> None:
    settings.QUOTA_PER_DAY = 1
    assert api.post(ADDRESS, fields(), format="json").status_code == 201
    errors = read_problem(api.post(ADDRESS, fields(), format="json"), 400)
    assert "try again tomorrow" in errors["request"][0]


@pytest.mark.django_db(transaction=True)
def test_quota_holds_for_requests_at_the_same_moment(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, digits: Benchmark, lin: User
) -> None:
    """Each has counted before any of them has stored its submission."""
    settings.QUOTA_PER_DAY, together = 2, 4
    counted, check = threading.Barrier(together, timeout=30), intake.check_account

    def check_and_wait(*arguments: Any) -> None:
        check(*arguments)
        counted.wait()

    def send(client: APIClient) -> int:
        try:
            return client.post(ADDRESS, fields(), format="json").status_code
        finally:
            connection.close()

    monkeypatch.setattr(intake, "check_account", check_and_wait)
    with ThreadPoolExecutor(together) as threads:
        statuses = sorted(threads.map(send, [client_of(lin) for _ in range(together)]))
    assert statuses == [201, 201, 400, 400]
    assert Submission.objects.count() == 2


@pytest.mark.parametrize("token", ["", "Token", "Token nonsense"])
def test_nobody_submits_without_a_token(anyone: APIClient, digits: Benchmark, token: str) -> None:
    response = anyone.post(ADDRESS, fields(), format="json", headers={"authorization": token})
    read_problem(response, 401)
    assert response["WWW-Authenticate"] == "Token"
    assert not Submission.objects.exists()


def test_session_without_csrf_token_submits_nothing(lin: User, digits: Benchmark) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(lin)
    read_problem(client.post(ADDRESS, fields(), format="json"), 403)


People = Callable[[str], APIClient]


@pytest.fixture
def people(lin: User) -> People:
    """A client of nobody, another researcher, the submitter or an admin."""
    users = {"nobody": None, "other": make_user("other"), "owner": lin, "admin": make_user("admin", is_staff=True)}
    return lambda name: client_of(users[name])


@pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("other", 404), ("owner", 200), ("admin", 200)])
@pytest.mark.parametrize("part", ["", "log/"])
def test_submission_is_seen_by_its_submitter_and_admins(
    people: People, queued: Submission, who: str, status: int, part: str
) -> None:
    response = people(who).get(f"{ADDRESS}{queued.pk}/{part}")
    assert response.status_code == status
    assert status != 404 or response.json()["detail"].startswith("There is no such submission")


@pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("other", 404), ("owner", 200), ("admin", 200)])
def test_submission_is_cancelled_by_its_submitter_and_admins(
    people: People, queued: Submission, who: str, status: int
) -> None:
    assert people(who).post(f"{ADDRESS}{queued.pk}/cancel/").status_code == status
    queued.refresh_from_db()
    assert queued.state == ("cancelled" if status == 200 else "queued")


@pytest.mark.parametrize(("who", "count"), [("other", 0), ("owner", 1), ("admin", 1)])
def test_list_holds_ones_own(people: People, queued: Submission, who: str, count: int) -> None:
    assert len(people(who).get(ADDRESS).json()["results"]) == count


def test_finished_submission_is_not_cancelled(api: APIClient, queued: Submission) -> None:
    api.post(f"{ADDRESS}{queued.pk}/cancel/")
    response = api.post(f"{ADDRESS}{queued.pk}/cancel/")
    read_problem(response, 409)
    assert "cancelled" in response.json()["detail"]


@pytest.mark.parametrize(
    "changes", [{"claims": "91.73"}, {"model": ["ResNet"]}, {"model": "a\0b"}, {"paper_url": "x" * 5001}]
)
def test_refusal_of_what_is_no_text_or_object_is_in_the_readers_language(
    api: APIClient, digits: Benchmark, changes: dict[str, Any]
) -> None:
    answer = api.post(ADDRESS, fields(**changes), format="json", headers={"accept-language": "zh-hans"})
    ((reason,),) = read_problem(answer, 400).values()
    assert re.search("[\u4e00-\u9fff]", reason)


def test_form_of_too_many_fields_is_refused_in_plain_words(api: APIClient, digits: Benchmark) -> None:
    answer = api.post(ADDRESS, {f"field{number}": "1" for number in range(2_000)}, format="multipart")
    read_problem(answer, 400)
    assert answer.json()["detail"] == "The form has more fields than the schema names; send those alone."


def test_submission_without_the_last_slash_is_led_on_as_it_was_sent(api: APIClient, digits: Benchmark) -> None:
    answer = api.post(ADDRESS.removesuffix("/"), {}, follow=True)
    assert [status for _address, status in answer.redirect_chain] == [308]
    read_problem(answer, 400)


@pytest.mark.parametrize("sent", [{}, {"benchmark": ""}, {"benchmark": " "}])
def test_benchmark_is_asked_for(api: APIClient, digits: Benchmark, sent: dict[str, str]) -> None:
    assert read_problem(api.post(ADDRESS, sent), 400)["benchmark"] == ["Give the benchmark, such as one of: digits."]


def test_verified_submission_is_not_cancelled(api: APIClient, verified: Result) -> None:
    response = api.post(f"{ADDRESS}{verified.run.submission_id}/cancel/")
    assert response.status_code == 409
    assert response.json()["detail"].startswith("What is verified cannot become cancelled;")


def test_log_has_each_attempt(api: APIClient, queued: Submission) -> None:
    queued.runs.update(log="epoch\nscore\n")
    assert api.get(f"{ADDRESS}{queued.pk}/log/").json() == {
        "runs": [{"attempt": 1, "state": "queued", "stage": "", "log": "epoch\nscore\n"}]
    }


def test_queue_position_counts_who_waits(api: APIClient, lin: User, queued: Submission, digits: Benchmark) -> None:
    later = make_submission(digits, lin)
    attempts.enqueue(later, by=lin, at=timezone.now())
    assert api.get(f"{ADDRESS}{later.pk}/").json()["progress"]["queue_position"] == 2


@pytest.mark.parametrize("count", [1, 12])
def test_length_of_the_list_costs_no_queries(
    api: APIClient,
    lin: User,
    digits: Benchmark,
    count: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(count):
        make_submission(digits, lin)
    with django_assert_max_num_queries(4):
        assert len(api.get(ADDRESS).json()["results"]) == count


def test_cursor_of_another_list_is_refused(api: APIClient, queued: Submission) -> None:
    assert set(read_problem(api.get(f"{ADDRESS}?cursor=cD1hYmM="), 400)) == {"cursor"}


def test_request_sent_again_submits_nothing_twice(api: APIClient, digits: Benchmark, settings: Settings) -> None:
    settings.QUOTA_PER_DAY = 1
    first = api.post(ADDRESS, fields(), format="json", headers={"Idempotency-Key": "run 7"})
    again = api.post(ADDRESS, fields(), format="json", headers={"Idempotency-Key": "run 7"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert (again.json()["id"], again["Location"]) == (first.json()["id"], first["Location"])
    assert Submission.objects.count() == 1


def test_key_is_its_senders_own_and_for_one_submission(
    api: APIClient, digits: Benchmark, people: People, lin: User
) -> None:
    key = {"Idempotency-Key": "run 7"}
    api.post(ADDRESS, fields(), format="json", headers=key)
    other = api.post(ADDRESS, fields(model="Another"), format="json", headers=key)
    read_problem(other, 409)
    assert "used for another submission" in other.json()["detail"]
    assert Submission.objects.count() == 1
    assert people("other").post(ADDRESS, fields(), format="json", headers=key).status_code == 201
    for _number in range(2):
        assert api.post(ADDRESS, fields(), format="json").status_code == 201
    assert Submission.objects.count() == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"weights_url": "https://download.pytorch.org/models/resnet18-5c106cde.pth"},
        {"architecture": "torchvision/resnet34"},
        {"claims": {"top1": 70}},
        {"claims": {"top1": 918}},
        {"claims": None},
        {"benchmark": "nowhere"},
        {"weights_sha256": "0" * 64},
        {"protocol": {"resize": 256, "crop": 224}},
        {"background": "first"},
        {"paper_url": "https://arxiv.org/abs/1512.03385"},
    ],
)
def test_key_of_a_request_that_says_something_else_is_refused(
    api: APIClient, digits: Benchmark, changes: dict[str, Any]
) -> None:
    key, protocol = {"Idempotency-Key": "run 7"}, {"resize": 232, "crop": 224}
    sent = fields(claims={"top1": 69.76}, protocol=protocol)
    assert api.post(ADDRESS, sent, format="json", headers=key).status_code == 201
    assert api.post(ADDRESS, sent, format="json", headers=key).status_code == 200
    read_problem(api.post(ADDRESS, sent | changes, format="json", headers=key), 409)


def test_request_is_told_again_by_what_it_says_not_by_how_it_is_written(api: APIClient, digits: Benchmark) -> None:
    key = {"Idempotency-Key": "run 7"}
    sent = [fields(model=" ResNet-18 ", claims={"top1": "69.76 %"}), fields(claims={"top1": 69.76}, background="none")]
    answers = [api.post(ADDRESS, each, format="json", headers=key) for each in (sent[0], *sent)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]


def test_file_of_a_repeated_request_may_be_left_out_but_is_no_other(
    api: APIClient, digits: Benchmark, safetensors_file: SimpleUploadedFile
) -> None:
    key, content = {"Idempotency-Key": "run 7"}, safetensors_file.read()
    sent = fields(weights_url=None, architecture=None)

    def send(content: bytes) -> int:
        weights = {"weights": SimpleUploadedFile("net.safetensors", content)} if content else {}
        return api.post(ADDRESS, sent | weights, format="multipart", headers=key).status_code

    # The first one's architecture is told from its file. A byte less, and the last one another.
    others = (content[:-1], content[:-1] + bytes([content[-1] ^ 1]))
    assert [send(each) for each in (content, content, b"", *others)] == [201, 200, 200, 409, 409]


@pytest.mark.parametrize("key", ["x" * 101, "a\x07b"])
def test_key_that_is_none_is_refused(api: APIClient, digits: Benchmark, key: str) -> None:
    answer = api.post(ADDRESS, fields(), format="json", headers={"Idempotency-Key": key})
    assert set(read_problem(answer, 400)) == {"Idempotency-Key"}


def test_of_two_at_the_same_moment_one_is_let_through(digits: Benchmark, lin: User) -> None:
    """As when both have looked for the key before either has stored its submission."""
    request = submissions.SubmissionRequest(
        digits, "Net", ARCHITECTURE, "PyTorch", weights_url=BY_URL["weights_url"], request_key="run 7"
    )
    first = submissions.submit_once(request, by=lin, at=timezone.now())
    with pytest.raises(submissions.Repeated) as caught:
        submissions.submit_once(request, by=lin, at=timezone.now())
    assert caught.value.submission == first
    with pytest.raises(submissions.KeyReused):
        submissions.submit_once(dataclasses.replace(request, claims={"top1": 70.0}), by=lin, at=timezone.now())
    assert Submission.objects.count() == 1


def test_one_that_comes_too_late_leaves_no_file_and_its_upload_as_it_was(
    digits: Benchmark, lin: User, settings: Settings
) -> None:
    """As when both have looked for the key before either has stored its submission."""

    def make_request(upload: Upload) -> submissions.SubmissionRequest:
        whole = uploads.put_together(upload)
        return submissions.SubmissionRequest(
            digits, "Net", ARCHITECTURE, "PyTorch", weights_file=whole.file, upload=upload, request_key="run 7"
        )

    def list_stored() -> set[Path]:
        return {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}

    kept = [uploads.begin(by=lin, name="net.pth", size=3, at=timezone.now()) for _ in range(2)]
    for upload in kept:
        uploads.append(upload, 0, ContentFile(b"abc"), at=timezone.now())
    requests = [make_request(upload) for upload in kept]
    submissions.submit_once(requests[0], by=lin, at=timezone.now())
    before = list_stored()
    with pytest.raises(submissions.Repeated):
        submissions.submit_once(requests[1], by=lin, at=timezone.now())
    assert list_stored() == before
    with uploads.put_together(Upload.objects.get()).file as whole:
        assert whole.read() == b"abc"
    with Submission.objects.get().weights_file.open("rb") as file:
        assert file.read() == b"abc"


def test_form_sent_twice_leads_to_one_submission(digits: Benchmark, lin: User) -> None:
    client = Client()
    client.force_login(lin)
    (key,) = re.findall(r'name="request_key" value="([^"]+)"', client.get("/submit/").content.decode())
    sent = BY_URL | {"model_name": "ResNet-18", "request_key": key}
    answers = [client.post("/submit/", sent) for _ in range(2)]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, answers[0]["Location"])}
    assert Submission.objects.count() == 1


def test_form_sent_again_with_another_model_comes_back_to_be_sent_once_more(digits: Benchmark, lin: User) -> None:
    client = Client()
    client.force_login(lin)
    sent = BY_URL | {"model_name": "ResNet-18", "request_key": "a page gone back to"}
    first = client.post("/submit/", sent)
    # What lay here went into the first one.
    answer = client.post("/submit/", sent | {"model_name": "Another", "upload": str(uuid4())})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "This form was sent before and said something else then" in page
    assert "Choose the file again" in page
    assert 'value="Another"' in page
    (key,) = re.findall(r'name="request_key" value="([^"]+)"', page)
    again = client.post("/submit/", sent | {"model_name": "Another", "request_key": key})
    assert again.status_code == 302
    assert again["Location"] != first["Location"]
    assert set(Submission.objects.values_list("model_name", flat=True)) == {"ResNet-18", "Another"}
