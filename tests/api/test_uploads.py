"""Uploads in parts, as tus clients send them: continued where they stopped, put together, and cleared away."""

import base64
import datetime as dt
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings as live_settings
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from leaderboard.models import Benchmark, Submission, Upload, UploadPart
from leaderboard.services.submitting import uploads
from portal.accounts.models import User
from tests.api.conftest import client_of, read_problem
from tests.factories import make_user
from tests.small import ARCHITECTURE, write_weights

ADDRESS = "/api/v1/uploads/"
OFFSET_STREAM = "application/offset+octet-stream"


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def begin(api: APIClient, size: int, **metadata: str) -> Any:
    pairs = ",".join(f"{name} {encode(value)}" for name, value in metadata.items())
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": pairs}
    return api.post(ADDRESS, headers=headers)


def send(api: APIClient, address: str, offset: int, data: bytes, **headers: str) -> Any:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)} | headers
    # Django takes bytes too.
    return api.generic("PATCH", address, data, content_type=OFFSET_STREAM, headers=headers)  # type: ignore[arg-type]


def list_files() -> list[str]:
    folder = Path(live_settings.MEDIA_ROOT) / "uploads"
    return sorted(os.listdir(folder)) if folder.exists() else []


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


class Begun(NamedTuple):
    address: str
    content: bytes


@pytest.fixture
def begun(api: APIClient, tmp_path: Path) -> Begun:
    """An upload of weights of which nothing is here yet."""
    content = write_weights(tmp_path / "net.safetensors").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    answer = begin(api, len(content), filename="net.safetensors", sha256=sha256)
    assert answer.status_code == 201, answer.content
    return Begun(answer["Location"], content)


def submit(api: APIClient, begun: Begun, **fields: Any) -> Any:
    upload = begun.address.rstrip("/").rpartition("/")[2]
    sent = {"benchmark": "digits", "model": "Net", "architecture": ARCHITECTURE, "upload": upload}
    return api.post("/api/v1/submissions/", sent | fields, format="json")


def test_parts_become_the_submitted_file(
    api: APIClient, digits: Benchmark, begun: Begun, django_capture_on_commit_callbacks: Any
) -> None:
    address, content = begun
    third = len(content) // 3
    for offset in range(0, len(content), third):
        answer = send(api, address, offset, content[offset : offset + third])
        assert answer.status_code == 204, answer.content
        assert answer["Upload-Offset"] == str(min(offset + third, len(content)))
    assert len(list_files()) == 4
    with django_capture_on_commit_callbacks(execute=True):
        answer = submit(api, begun)
    assert answer.status_code == 201, answer.content
    stored = Submission.objects.get()
    with stored.weights_file.open("rb") as file:
        assert file.read() == content
    assert stored.weights_sha256 == hashlib.sha256(content).hexdigest()
    assert (stored.weights_name, stored.weights_size_bytes) == ("net.safetensors", len(content))
    assert not Upload.objects.exists()
    assert list_files() == []


def test_upload_goes_on_where_the_server_says(api: APIClient, begun: Begun) -> None:
    address, content = begun
    send(api, address, 0, content[:1000])
    asked = api.head(address)
    assert (asked.status_code, asked["Upload-Offset"], asked["Upload-Length"]) == (200, "1000", str(len(content)))
    assert asked["Cache-Control"] == "no-store"
    assert "goes on at byte 1000, not at 0" in problem(send(api, address, 0, content[:1000]), 409)
    assert send(api, address, 1000, content[1000:]).status_code == 204
    assert api.get(address).json()["is_complete"]


def problem(answer: Any, status: int) -> str:
    read_problem(answer, status)
    return str(answer.json()["detail"])


class BrokenOff:
    """A body whose connection breaks off."""

    def __init__(self, data: bytes) -> None:
        self.parts = iter([data])

    def read(self, count: int) -> bytes:
        try:
            return next(self.parts)
        except StopIteration:
            raise ConnectionResetError from None


def test_what_arrived_before_the_connection_broke_off_is_kept(begun: Begun) -> None:
    upload = Upload.objects.get()
    uploads.append(upload, 0, BrokenOff(begun.content[:700]), at=timezone.now())  # type: ignore[arg-type]
    upload.refresh_from_db()
    assert upload.offset_bytes == 700


def test_second_of_two_at_once_is_refused_and_leaves_nothing(api: APIClient, begun: Begun) -> None:
    first, second = Upload.objects.get(), Upload.objects.get()
    uploads.append(first, 0, BrokenOff(b"a" * 10), at=timezone.now())  # type: ignore[arg-type]
    with pytest.raises(uploads.UploadRefused, match="Another request") as caught:
        uploads.append(second, 0, BrokenOff(b"b" * 10), at=timezone.now())  # type: ignore[arg-type]
    assert caught.value.status == 409
    assert (UploadPart.objects.count(), len(list_files())) == (1, 1)


def test_damaged_part_is_dropped(api: APIClient, begun: Begun) -> None:
    address, content = begun
    right = base64.b64encode(hashlib.sha256(content[:500]).digest()).decode()
    damaged = send(api, address, 0, content[1:501], **{"Upload-Checksum": f"sha256 {right}"})
    assert "send them again" in problem(damaged, 460)
    assert (api.head(address)["Upload-Offset"], list_files()) == ("0", [])
    assert send(api, address, 0, content[:500], **{"Upload-Checksum": f"sha256 {right}"}).status_code == 204


def test_file_of_another_digest_is_not_submitted(api: APIClient, digits: Benchmark, begun: Begun) -> None:
    send(api, begun.address, 0, bytes(len(begun.content)))
    errors = read_problem(submit(api, begun), 400)
    assert "not the one whose sha256 you gave" in errors["upload"][0]
    assert not Submission.objects.exists()


def test_incomplete_upload_is_not_submitted(api: APIClient, digits: Benchmark, begun: Begun) -> None:
    send(api, begun.address, 0, begun.content[:500])
    assert set(read_problem(submit(api, begun), 400)) == {"upload"}


def test_name_that_no_disk_holds_is_taken(api: APIClient, digits: Benchmark, tmp_path: Path) -> None:
    content = write_weights(tmp_path / "net.safetensors").read_bytes()
    begun = Begun(begin(api, len(content), filename="模型." + "权" * 150)["Location"], content)
    assert send(api, begun.address, 0, content).status_code == 204
    assert submit(api, begun).status_code == 201
    assert Submission.objects.get().weights_name.startswith("模型.权权")


def test_refused_submission_keeps_the_upload(api: APIClient, digits: Benchmark, begun: Begun) -> None:
    send(api, begun.address, 0, begun.content)
    read_problem(submit(api, begun, claims={"top1": 918}), 400)
    assert Upload.objects.exists()
    assert submit(api, begun).status_code == 201


@pytest.mark.parametrize("who", ["other", "nobody"])
def test_upload_is_its_owners_alone(begun: Begun, digits: Benchmark, lin: User, who: str) -> None:
    client = client_of(make_user("other") if who == "other" else None)
    status = 404 if who == "other" else 401
    assert client.head(begun.address).status_code == status
    assert send(client, begun.address, 0, b"x").status_code == status
    assert client.delete(begun.address).status_code == status
    if who == "other":
        assert "no such upload of yours" in read_problem(submit(client, begun), 400)["upload"][0]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Upload-Length": "x"}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "0"}, 400),
        ({"Upload-Length": "9" * 40}, 400),
        ({"Upload-Length": "10", "Upload-Metadata": "filename ???"}, 400),
        ({"Upload-Length": "10", "Upload-Metadata": f"sha256 {encode('abc')}"}, 400),
        ({"Upload-Length": str(3 * 2**30)}, 413),
        ({"Upload-Length": "10", "Tus-Resumable": "0.2.2"}, 412),
    ],
)
def test_what_cannot_be_begun_is_refused(api: APIClient, headers: dict[str, str], status: int) -> None:
    assert problem(api.post(ADDRESS, headers=headers), status)
    assert not Upload.objects.exists()


def test_more_bytes_than_declared_are_refused(api: APIClient, begun: Begun) -> None:
    assert problem(send(api, begun.address, 0, begun.content + b"x"), 413)
    assert list_files() == []


def test_accounts_quota_and_a_full_disk_refuse(
    api: APIClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.UPLOAD_QUOTA_BYTES = 1000
    assert begin(api, 600).status_code == 201
    assert "submit or delete one" in problem(begin(api, 600), 413)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=settings.DISK_RESERVE_BYTES + 100))
    assert "no room" in problem(begin(api, 300), 507)


def test_abandoned_upload_is_cleared_away(
    api: APIClient, begun: Begun, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    send(api, begun.address, 0, begun.content[:500])
    later = timezone.now() + dt.timedelta(hours=settings.UPLOAD_KEEP_HOURS)
    assert uploads.discard_abandoned(at=later - dt.timedelta(minutes=5)) == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert uploads.discard_abandoned(at=later + dt.timedelta(minutes=5)) == 1
    assert (api.head(begun.address).status_code, list_files()) == (404, [])


def test_deleted_upload_is_gone(api: APIClient, begun: Begun, django_capture_on_commit_callbacks: Any) -> None:
    send(api, begun.address, 0, begun.content[:500])
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(begun.address).status_code == 204
    assert list_files() == []


def test_server_tells_what_it_speaks(api: APIClient) -> None:
    answer = api.options(ADDRESS)
    assert (answer.status_code, answer["Tus-Version"], answer["Tus-Resumable"]) == (204, "1.0.0", "1.0.0")
    assert answer["Tus-Extension"] == "creation,termination,checksum"


def test_session_needs_the_token_of_a_form(lin: User) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(lin)
    assert begin(client, 10).status_code == 403
