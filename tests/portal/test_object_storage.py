"""STORAGE=s3: files go to a store that may be away, silent, or refuse us."""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore.config import Config
from django.conf import settings as shared_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client, override_settings
from django.utils import timezone

from leaderboard.models import BoardFacts, Upload
from leaderboard.services.storage import StorageAway
from leaderboard.services.submitting import uploads
from leaderboard.services.submitting.accounts import delete_account
from portal import object_storage
from portal.accounts.models import User
from tests.factories import make_benchmark, make_user
from tests.object_store import Store, serve_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(object_storage, "CLIENT", object_storage.CLIENT | {"read_timeout": 0.2})
    with serve_store() as running, override_settings(STORAGES=shared_settings.STORAGES | {"default": running.entry}):
        yield running


def test_files_are_kept_under_names_of_their_own_and_removed(store: Store) -> None:
    first, second = (default_storage.save("cards/a b.png", ContentFile(text)) for text in (b"one", b"two"))
    assert first != second
    assert sorted(store.objects.values()) == [b"one", b"two"]
    with default_storage.open(first) as file:
        assert file.read() == b"one"
    assert (default_storage.exists(first), default_storage.size(second)) == (True, 3)
    default_storage.delete(first)
    assert not default_storage.exists(first)
    with pytest.raises(FileNotFoundError):
        default_storage.open(first)


def test_large_file_is_read_by_way_of_the_disk(store: Store) -> None:
    content = bytes(range(256)) * 4096 * 20
    store.objects["weights"] = content
    with default_storage.open("weights") as file:
        brought: Any = file.file
        assert not isinstance(brought._file, io.BytesIO), "it lies in memory as a whole"
        assert file.read() == content


TROUBLES = {
    "NoSuchBucket": "The file storage has no bucket of the name in S3_BUCKET.",
    "SignatureDoesNotMatch": "The file storage refuses our keys, or what they may do there is too little.",
    "silent": "The file storage does not answer.",
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_readiness_says_plainly_what_is_the_matter(store: Store, trouble: str) -> None:
    assert Client().get("/readyz").json()["checks"]["storage"]["ok"]
    store.trouble = trouble
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    told = answer.json()["checks"]["storage"]
    # What is asked by HEAD has no body to tell the code in.
    assert told == {"ok": False, "detail": TROUBLES[trouble]}


def test_store_that_never_answers_is_given_up_within_half_a_minute() -> None:
    patience = Config(**object_storage.CLIENT)
    assert patience.read_timeout * patience.retries["total_max_attempts"] <= 30


def test_page_and_script_are_told_to_come_back_while_the_store_is_away(store: Store) -> None:
    facts, _ = BoardFacts.objects.update_or_create(benchmark=make_benchmark("digits"), defaults={"card": "cards/a.png"})
    store.objects[facts.card] = b"png"
    client = Client(raise_request_exception=False)
    assert client.get("/benchmarks/digits/card.png").content == b"png"
    user = make_user()
    client.force_login(user)
    upload = uploads.begin(by=user, name="net.pth", size=4, at=timezone.now())
    send = partial(
        client.patch,
        f"/api/v1/uploads/{upload.pk}/",
        b"abcd",
        content_type="application/offset+octet-stream",
        headers={"Upload-Offset": "0"},
    )
    store.trouble = "silent"
    page = client.get("/benchmarks/digits/card.png")
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert "Back in a moment" in page.content.decode()
    script = send()
    assert (script.status_code, script["Content-Type"]) == (503, "application/problem+json")
    # What was not kept is not counted, and goes on once the store is back.
    store.trouble = ""
    assert send().status_code == 204
    upload.refresh_from_db()
    assert uploads.put_together(upload).file.read() == b"abcd"


def test_missing_keys_are_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    bare = object_storage.ObjectStorage(bucket_name="board", endpoint_url=store.url)
    with pytest.raises(StorageAway, match="is given no keys"):
        bare.exists("a")


def keep(owner: User, name: str) -> Upload:
    upload = uploads.begin(by=owner, name=name, size=4, at=timezone.now())
    return uploads.append(upload, 0, ContentFile(b"abcd"), at=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_upload_is_given_up_although_its_file_cannot_be_removed_just_now(store: Store) -> None:
    user = make_user()
    client = Client()
    client.force_login(user)
    upload = keep(user, "net.pth")
    store.trouble = "silent"
    assert client.delete(f"/api/v1/uploads/{upload.pk}/").status_code == 204
    assert not Upload.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_deleted_account_s_uploads_is_left(store: Store) -> None:
    lin, other = make_user("lin"), make_user("other")
    keep(lin, "net.pth")
    kept = keep(other, "net.pth")
    delete_account(lin, at=timezone.now())
    assert list(store.objects) == [str(part.file.name) for part in kept.parts.all()]
