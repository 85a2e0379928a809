"""Uploads that are kept and not submitted are deleted on the form that lists them."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from leaderboard.models import Upload
from leaderboard.services.submitting import uploads
from portal.accounts.models import User
from tests.factories import NOW
from tests.web.conftest import Stage
from tests.web.test_accessibility import find_violations, reader, sign_in

__all__ = ["reader"]
CONTENT = b"weights"


def keep(owner: User, name: str) -> Upload:
    upload = uploads.begin(by=owner, name=name, size=len(CONTENT), at=NOW)
    return uploads.append(upload, 0, ContentFile(CONTENT), at=NOW)


def test_owner_deletes_an_upload_with_its_parts(
    stage: Stage, owner: Client, admin: Client, django_capture_on_commit_callbacks: object
) -> None:
    upload, other = keep(stage.owner, "epoch 89.pth"), keep(stage.owner, "epoch 90.pth")
    part = str(upload.parts.get().file.name)
    address = reverse("upload-delete", args=[upload.pk])
    assert address in owner.get("/submit/").content.decode()
    assert admin.post(address).status_code == 404
    assert Upload.objects.count() == 2
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        page = owner.post(address, follow=True).content.decode()
    assert "“epoch 89.pth” is deleted." in page
    assert address not in page
    assert [each.pk for each in Upload.objects.all()] == [other.pk]
    assert not default_storage.exists(part)


def test_script_whose_session_has_ended_is_led_to_where_one_signs_in(stage: Stage, anyone: Client) -> None:
    address = reverse("upload-delete", args=[keep(stage.owner, "net.pth").pk])
    answer = anyone.post(address, headers={"HX-Request": "true", "Referer": "http://testserver/submit/?entry=1"})
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/accounts/login/?next=/submit/%3Fentry%3D1")
    assert Upload.objects.count() == 1


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_what_was_typed_stays_while_an_upload_is_deleted(
    stage: Stage, live_portal: str, reader: Page, tmp_path: Path
) -> None:
    keep(stage.owner, "epoch 89.pth")
    kept = keep(stage.owner, "a-long-name-of-a-checkpoint-" * 4 + ".pth")
    sign_in(reader, live_portal, stage.owner)
    reader.goto(f"{live_portal}/submit/?benchmark=digits")
    reader.fill("#model_name", "Typed before")
    reader.select_option("#upload", str(kept.pk))
    assert find_violations(reader) == []
    reader.locator(".ledger button", has_text="epoch 89.pth").press("Enter")
    expect(reader.locator(".field [role=status]", has_text="“epoch 89.pth”")).to_be_visible()
    assert [each.pk for each in Upload.objects.all()] == [kept.pk]
    expect(reader.locator("#upload")).to_have_value(str(kept.pk))
    expect(reader.locator("#upload option")).to_have_count(2)
    expect(reader.locator("#model_name")).to_have_value("Typed before")
    assert find_violations(reader) == []
    reader.locator(".ledger button").click()
    expect(reader.locator(".ledger button")).to_have_count(0)
    assert not Upload.objects.exists()
    assert reader.evaluate("document.documentElement.scrollWidth <= innerWidth")
