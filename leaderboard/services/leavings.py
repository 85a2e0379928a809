"""Stored files that nothing names any more: of a process that was killed, or when the storage was away."""

import datetime as dt
from collections.abc import Iterator

from django.core.files.storage import default_storage
from django.db.models import Model

from leaderboard.models import BoardFacts, Part, Result, Submission, UploadPart, Weights

# Which columns name the files of a folder. Small images are named by a dataset's content, and stay.
NAMED: dict[str, tuple[tuple[type[Model], str], ...]] = {
    "cards": ((BoardFacts, "card"),),
    "evidence": ((Result, "evidence"),),
    "health": (),
    "parts": ((Part, "outcomes"),),
    "submissions": ((Submission, "weights_file"), (Weights, "file")),
    "uploads": ((UploadPart, "file"),),
}
# A file is stored before the row that names it, which may take as long as the storage is slow.
MIN_AGE = dt.timedelta(days=1)
NAMES_A_QUERY = 500


def find_leavings(*, at: dt.datetime) -> Iterator[str]:
    """Return the names of files, a day old or more, that no row names."""
    for folder, columns in NAMED.items():
        for names in list_folders(folder):
            for start in range(0, len(names), NAMES_A_QUERY):
                left = set(names[start : start + NAMES_A_QUERY])
                for model, column in columns:
                    held = model._default_manager.filter(**{f"{column}__in": left})
                    left -= set(held.values_list(column, flat=True))
                yield from sorted(name for name in left if at - default_storage.get_modified_time(name) >= MIN_AGE)


def list_folders(folder: str) -> Iterator[list[str]]:
    """Return the names in the folder and in each one below it, a list for each."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield [f"{folder}/{name}" for name in files]
    for below in folders:
        yield from list_folders(f"{folder}/{below}")
