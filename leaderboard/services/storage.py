"""The storage of files, which may be a machine of its own: that it is away, and what is removed from it."""

import logging
from collections.abc import Iterable

from django.core.files.storage import default_storage

logger = logging.getLogger(__name__)


class StorageAway(OSError):
    """The storage does not answer, or refuses what we ask. The message is one plain sentence."""


def drop(names: Iterable[str]) -> None:
    """Remove files that nothing names any more.

    One that cannot be removed just now undoes nothing: `manage.py sweep_files` finds it.
    """
    for name in names:
        try:
            default_storage.delete(name)
        except Exception:
            logger.exception("%s was not deleted", name)
