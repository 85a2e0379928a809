"""Check that every text is translated: nothing empty, nothing fuzzy, and, where gettext is installed, nothing new."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from scripts import sentences

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("portal", "leaderboard", "templates", "evaluation")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


def read_catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def is_complete(message: Message) -> bool:
    parts = message.string if isinstance(message.string, list | tuple) else (message.string,)
    return all(parts) and not message.fuzzy


def find_faults(path: Path) -> Iterator[str]:
    """Return what is wrong with one catalogue."""
    name = path.relative_to(ROOT)
    for message in read_catalogue(path):
        if not message.id:
            continue
        if not is_complete(message):
            yield f"{name}: not translated: {message.id!r}"
        elif isinstance(message.id, str) and not keeps_placeholders(message.id, str(message.string)):
            yield f"{name}: placeholders differ: {message.id!r}"


def keeps_placeholders(text: str, translation: str) -> bool:
    return sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(translation))


def find_new_texts(path: Path) -> Iterator[str]:
    """Collect the texts of a copy of the sources and return those that the catalogue lacks."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for source in SOURCES:
            shutil.copytree(ROOT / source, copy / source, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "locale", copy / "locale")
        shutil.copy(ROOT / "manage.py", copy)
        command = [sys.executable, "-m", "django", "makemessages", "--all", "--no-location", "--verbosity", "0"]
        subprocess.run(command, cwd=copy, check=True)
        collected = read_catalogue(copy / path.relative_to(ROOT))
    known = {message.id for message in read_catalogue(path)}
    for message in collected:
        if message.id and message.id not in known:
            yield f"{path.relative_to(ROOT)}: new text, run make messages: {message.id!r}"


def main() -> None:
    catalogues = sorted(ROOT.glob("locale/*/LC_MESSAGES/*.po"))
    if not catalogues:
        sys.exit("locale/ holds no translation; run make messages.")
    faults = [fault for path in catalogues for fault in find_faults(path)]
    if sentences.TARGET.read_text() != sentences.write_module():
        faults.append("leaderboard/refusals.py: behind the sources, run python -m scripts.sentences and make messages")
    if shutil.which("xgettext"):
        faults += [fault for path in catalogues for fault in find_new_texts(path)]
    else:
        print("gettext is not installed: texts that are new in the sources were not looked for.")
    sys.exit("\n".join(faults) or None)


if __name__ == "__main__":
    main()
