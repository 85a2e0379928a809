"""Where the small images of a dataset's samples lie in the storage. Pure."""

FOLDER_SIZE = 1000


def name_thumbnail(digest: str, place: int) -> str:
    """Return the name in the storage, by the dataset's content, so that other files never show under it."""
    return f"thumbnails/{digest.removeprefix('sha256:')}/{place // FOLDER_SIZE}/{place}.webp"
