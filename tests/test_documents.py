"""What the documents say is so: diagrams, links, commands and settings are compared with the code."""

import re
import subprocess
from pathlib import Path

import pytest

from scripts.diagrams import DOCUMENT, renew
from tests.processes import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def test_state_diagrams_are_drawn_from_the_tables() -> None:
    text = DOCUMENT.read_text()
    assert renew(text) == text, "run make diagrams"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    links = [link for link in LINK.findall(path.read_text()) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_make_command_that_a_document_names_is_a_target() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    texts = (document.read_text() for document in DOCUMENTS)
    named = {name for text in texts for name in re.findall(r"(?:`|^)(?:[A-Z_]+=\S+ )*make ([a-z]+)", text, re.M)}
    assert named >= {"demo", "test", "check", "run"}
    assert named - targets == set()


def test_help_names_every_target_that_says_what_it_does() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    described = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.M)
    assert re.findall(r"^make (\S+)", told, re.M) == described


def test_operations_names_every_setting_and_no_other() -> None:
    source = (ROOT / "portal" / "settings.py").read_text()
    (prefixed,) = re.findall(r"^with env\.prefixed.*?\n(?=\S)", source, re.S | re.M)
    read = re.compile(r'env\.(?:str|int|bool|float|list|log_level)\(\s*"([A-Z0-9_]+)"')
    settings = {f"VERIBOARD_{name}" for name in read.findall(prefixed)}
    settings |= set(read.findall(source.replace(prefixed, "")))
    table = (ROOT / "docs" / "operations.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    documented = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`([A-Z0-9_]+)`", row)
    }
    assert documented == settings


def test_licence_is_the_whole_text() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
