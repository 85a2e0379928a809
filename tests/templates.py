"""A missing variable in one of our templates fails the test; in a library's template it stays the empty string."""

import sys
from pathlib import Path
from types import FrameType

from django.template.base import Node


class MissingVariable(Exception):
    """A template of ours shows a variable that its view does not give."""


class FailingVariable(str):
    """Django's `string_if_invalid`, which it formats with the variable's name for every one that is missing."""

    root: Path

    def __new__(cls, root: Path) -> "FailingVariable":
        self = super().__new__(cls, "%s")
        self.root = root
        return self

    def __mod__(self, variable: object) -> str:
        origin = find_origin(sys._getframe(1))
        if origin is not None and is_ours(origin, self.root):
            raise MissingVariable(f"{origin.relative_to(self.root)} has no variable {variable}")
        return ""


def find_origin(frame: FrameType | None) -> Path | None:
    """Return the file in which the innermost node that is being rendered was written."""
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, Node) and getattr(owner, "origin", None) is not None:
            return Path(owner.origin.name)
        frame = frame.f_back
    return None


def is_ours(origin: Path, root: Path) -> bool:
    return origin.is_relative_to(root) and ".venv" not in origin.parts
