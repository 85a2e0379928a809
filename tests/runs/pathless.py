from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage


class PathlessStorage(Storage):
    """Files in memory, without paths, as object storage has none."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        return ContentFile(self.files[name], name)

    def _save(self, name: str, content: "File[Any]") -> str:
        self.files[name] = b"".join(content.chunks())
        return name

    def exists(self, name: str) -> bool:
        return name in self.files

    def size(self, name: str) -> int:
        return len(self.files[name])
