"""Files in an S3-style store: asked with a bounded patience, read by way of the disk, its refusals in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from django.core.files.base import File
from s3transfer.exceptions import RetriesExceededError
from storages.backends.s3 import S3Storage

from leaderboard.services.storage import StorageAway

# A store that takes connections and never answers holds a thread for half a minute; with boto3's own, for minutes.
CLIENT: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 10,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}
TRANSFER: dict[str, Any] = {"max_concurrency": 4, "num_download_attempts": 3}
# What is larger is read by way of the disk; django-storages would hold two gigabytes of weights in memory.
MOST_IN_MEMORY = 2**20

MISSING = {"404", "NoSuchKey"}
REFUSED = {"401", "403", "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}


def translate(error: ClientError) -> OSError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in MISSING:
        return FileNotFoundError("This file is not in the storage.")
    if code == "NoSuchBucket":
        return StorageAway("The file storage has no bucket of the name in S3_BUCKET.")
    if code in REFUSED:
        return StorageAway("The file storage refuses our keys, or what they may do there is too little.")
    return StorageAway("The file storage does not answer.")


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raises: StorageAway, FileNotFoundError."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StorageAway("The file storage is given no keys; set the AWS_… variables.") from error
    except ClientError as error:
        raise translate(error) from error
    except (BotoCoreError, Boto3Error, RetriesExceededError) as error:
        raise StorageAway("The file storage does not answer.") from error


class ObjectStorage(S3Storage):  # type: ignore[misc]
    """What portal.settings makes the storage of files with STORAGE=s3."""

    def get_default_settings(self) -> dict[str, Any]:
        defaults: dict[str, Any] = super().get_default_settings()
        return defaults | {
            "file_overwrite": False,
            "default_acl": None,
            "max_memory_size": MOST_IN_MEMORY,
            "client_config": Config(**CLIENT),
            "transfer_config": TransferConfig(**TRANSFER),
        }

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        with in_our_words():
            file: File[Any] = super()._open(name, mode)
            # Brought here at once: a store that goes away later is not met half-way through an answer.
            return file.open()

    def _save(self, name: str, content: "File[Any]") -> str:
        with in_our_words():
            return str(super()._save(name, content))

    def delete(self, name: str) -> None:
        with in_our_words():
            super().delete(name)

    def exists(self, name: str) -> bool:
        with in_our_words():
            return bool(super().exists(name))

    def size(self, name: str) -> int:
        with in_our_words():
            return int(super().size(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        with in_our_words():
            folders, files = super().listdir(path)
            return folders, files

    def get_modified_time(self, name: str) -> Any:
        with in_our_words():
            return super().get_modified_time(name)
