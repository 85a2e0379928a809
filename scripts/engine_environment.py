"""Make a Python environment with the engine's declared dependencies and nothing else: no Django, no Celery, no redis.

It links to what the present environment holds, so it takes a second and needs no network. A package that the engine
uses without declaring it in pyproject.toml is missing there.
"""

import re
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("engine", "onnx")
TEST_TOOLS = ("pytest", "pytest-socket", "pytest-xdist", "hypothesis", "scikit-learn", "scipy")
FORBIDDEN = ("django", "djangorestframework", "celery", "redis", "psycopg2-binary")


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read_extras() -> list[str]:
    """Return the requirement lines of the engine's extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]


def collect(lines: Iterable[str]) -> dict[str, Distribution]:
    """Return the installed distributions that these requirements lead to, by name."""
    found: dict[str, Distribution] = {}
    waiting = [(Requirement(line), "") for line in lines]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = normalise(requirement.name)
        try:
            was_known = name in found
            dist = found.setdefault(name, distribution(name))
        except PackageNotFoundError:
            sys.exit(f"{requirement.name} is not installed; run make setup.")
        if not was_known or requirement.extras:
            extras = requirement.extras or {""}
            waiting += [(Requirement(line), part) for line in dist.requires or () for part in extras]
    return found


def link(dist: Distribution, site: Path) -> None:
    """Link the distribution's top-level files and folders into `site`."""
    tops = {path.parts[0] for path in dist.files or () if path.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        source, target = Path(str(dist.locate_file(top))), site / top
        if source.exists() and not target.exists():
            target.symlink_to(source)


def make_environment(path: Path) -> int:
    """Make the environment anew and return how many distributions are in it."""
    dists = collect([*read_extras(), *TEST_TOOLS])
    for name in FORBIDDEN:
        if name in dists:
            sys.exit(f"The engine's dependencies lead to {name}; it must install without.")
    venv.create(path, clear=True, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(path), "platbase": str(path)}))
    for dist in dists.values():
        link(dist, site)
    return len(dists)


if __name__ == "__main__":
    print(f"{make_environment(Path(sys.argv[1]))} packages linked.")
