"""Check requirements.lock: every declared dependency is pinned in its range with hashes, and no address is in it."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")


def read_pins(text: str) -> dict[str, str]:
    """Return the locked versions by canonical name."""
    matches = (PIN.match(line) for line in text.splitlines())
    return {canonicalize_name(match["name"]): match["version"] for match in matches if match}


def read_declared() -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for lines in (project["dependencies"], *project["optional-dependencies"].values()):
        yield from map(Requirement, lines)


def find_faults() -> Iterator[str]:
    text = (ROOT / "requirements.lock").read_text()
    pins = read_pins(text)
    if "://" in text:
        yield "requirements.lock holds an address; compile it without index lines."
    for entry in re.split(r"\n(?=\S)", text.strip()):
        if PIN.match(entry) and "--hash=sha256:" not in entry:
            yield f"{entry.split()[0]} has no hash."
    for requirement in read_declared():
        locked = pins.get(canonicalize_name(requirement.name))
        if locked is None:
            yield f"{requirement.name} is declared in pyproject.toml and not locked; compile requirements.lock again."
        elif not requirement.specifier.contains(locked, prereleases=True):
            yield f"{requirement.name} is locked at {locked}, outside {requirement.specifier}."


if __name__ == "__main__":
    sys.exit("\n".join(find_faults()) or None)
