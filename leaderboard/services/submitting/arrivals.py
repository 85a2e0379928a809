"""Files on their way in lie on disk under a name of their own, whatever their sender calls them."""

import os.path
from typing import Any

from django.core.files.uploadhandler import TemporaryFileUploadHandler

# In characters, of at most four bytes each: a name on disk holds 255 bytes, the ending and a little more.
LONGEST_ENDING = 50


class ArrivalHandler(TemporaryFileUploadHandler):
    """Takes a file whose name no disk holds."""

    def new_file(self, field_name: str, file_name: str, *args: Any, **options: Any) -> None:
        super().new_file(field_name, shorten_ending(file_name), *args, **options)


def shorten_ending(name: str) -> str:
    """Return the name with a shorter ending, which Django keeps for the file on disk."""
    stem, ending = os.path.splitext(name)
    return stem + ending[:LONGEST_ENDING]
