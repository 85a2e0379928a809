"""Stored files that nothing names any more are found and, when told to, removed."""

import datetime as dt
import os
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from leaderboard.services.leavings import NAMED, find_leavings
from leaderboard.services.storage import StorageAway
from leaderboard.services.submitting import uploads
from tests.factories import make_benchmark, make_submission, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def left(settings: LazySettings, tmp_path: Path) -> list[str]:
    """Files of the portal, old enough: some that rows name, and the returned ones, which nothing names."""
    settings.MEDIA_ROOT = tmp_path
    user = make_user()
    upload = uploads.begin(by=user, name="net.pth", size=4, at=timezone.now())
    uploads.append(upload, 0, ContentFile(b"abcd"), at=timezone.now())
    name = default_storage.save("submissions/2026/01/named.weights", ContentFile(b"weights"))
    make_submission(make_benchmark(), user, weights_url="", weights_file=name)
    default_storage.save("thumbnails/digest/0/0.webp", ContentFile(b"image"))
    unnamed = [default_storage.save(f"{folder}/2026/01/left", ContentFile(b"left")) for folder in NAMED]
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        os.utime(path, (0, 0))
    return unnamed


def test_what_no_row_names_is_listed_and_kept_until_told_otherwise(left: list[str]) -> None:
    assert list(find_leavings(at=timezone.now())) == left
    call_command("sweep_files")
    assert all(map(default_storage.exists, left))
    call_command("sweep_files", "--delete")
    assert not any(map(default_storage.exists, left))
    assert default_storage.exists("submissions/2026/01/named.weights")
    assert len(default_storage.listdir("uploads")[1]) == 1


def test_file_that_was_only_just_stored_may_be_about_to_be_named(settings: LazySettings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    default_storage.save("evidence/2026/01/new.npz", ContentFile(b"new"))
    assert not list(find_leavings(at=timezone.now()))
    assert list(find_leavings(at=timezone.now() + dt.timedelta(days=1)))


def test_storage_that_is_away_is_said(left: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_name: str) -> None:
        raise StorageAway("The file storage does not answer.")

    monkeypatch.setattr(default_storage, "delete", fail)
    with pytest.raises(CommandError, match="does not answer"):
        call_command("sweep_files", "--delete")
