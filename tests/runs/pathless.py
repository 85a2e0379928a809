from django.core.files.storage import InMemoryStorage, Storage


class PathlessStorage(InMemoryStorage):
    """Files in memory, without paths, as object storage has none."""

    path = Storage.path
