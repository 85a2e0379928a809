"""Keep small images of a dataset's samples, where its licence lets pages show them."""

import datetime as dt
from pathlib import Path

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from leaderboard.models import Split
from leaderboard.samples import name_thumbnail
from leaderboard.services import audit
from leaderboard.services.catalogue.datasets import RegistrationRefused


def check_licence(split: Split) -> None:
    """Raises: RegistrationRefused."""
    if not split.dataset.licence:
        raise RegistrationRefused(
            f"{split.dataset} has no licence, so nobody knows whether its images may be shown; "
            'give it with --licence, such as "CC BY 4.0".'
        )


def store_thumbnails(split: Split, folder: Path, class_counts: list[int], *, by: audit.Actor, at: dt.datetime) -> None:
    """Store `folder/<place>.webp` of every sample and let pages show them. Raises: RegistrationRefused."""
    check_licence(split)
    files = {int(file.stem): file for file in folder.glob("*.webp")}
    if len(files) != split.samples:
        raise RegistrationRefused(f"The engine made {len(files)} small images of {split.samples} samples.")
    for place, file in sorted(files.items()):
        name = name_thumbnail(split.digest, place)
        # Named by content: what is there is right, and saving again would put it under another name.
        if not default_storage.exists(name):
            with file.open("rb") as data:
                default_storage.save(name, File(data))
    with transaction.atomic():
        if not split.dataset.shows_samples:
            split.dataset.shows_samples = True
            split.dataset.save(update_fields=["shows_samples"])
            audit.record("show-samples", split.dataset, by=by, at=at, data={"licence": split.dataset.licence})
        split.thumbnails, split.class_counts = len(files), class_counts
        split.save(update_fields=["thumbnails", "class_counts"])
