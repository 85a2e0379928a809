"""The papers of a board as BibTeX. Pure."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from leaderboard.tables.boards import Row
from leaderboard.tables.titles import Title

ARXIV = re.compile(r"/(?:abs|pdf)/(\d{4}\.\d{4,5})")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
TEX_SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def write_bibtex(title: Title, rows: Iterable[Row]) -> Iterator[str]:
    """Yield one entry a paper, in the order of the board."""
    written: set[str] = set()
    for row in rows:
        # One paper may stand under several addresses, such as those of its abstract and of its text.
        paper = find_arxiv(row.paper_url) or row.paper_url
        if paper and paper not in written:
            yield ("\n" if written else "") + write_entry(row)
            written.add(paper)
    if title.cut:
        yield f"\n% {title.cut}\n"


def write_entry(row: Row) -> str:
    arxiv = find_arxiv(row.paper_url)
    fields = {
        "title": f"{{{escape_tex(row.paper_title or row.model_name)}}}",
        "year": str(row.published_on.year) if row.published_on else "",
        "eprint": arxiv,
        "archiveprefix": "arXiv" if arxiv else "",
        "url": "".join(sign for sign in row.paper_url if sign not in "{}\\ \n"),
    }
    body = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@misc{{{name_entry(row, arxiv)},\n{body}}}\n"


def write_result(*, key: str, title: str, published_on: dt.date, url: str, note: str) -> str:
    """Return the entry of one verified result."""
    fields = {
        "title": f"{{{escape_tex(title)}}}",
        "howpublished": "Veriboard",
        "year": str(published_on.year),
        "month": MONTHS[published_on.month - 1],
        "url": url,
        "note": escape_tex(note),
    }
    # A month is BibTeX's own word, which stands without braces.
    body = "".join(
        f"  {name} = {value},\n" if name == "month" else f"  {name} = {{{value}}},\n" for name, value in fields.items()
    )
    return f"@misc{{{key},\n{body}}}\n"


def find_arxiv(url: str) -> str:
    """Return the arXiv identifier in an address, without its version."""
    match = ARXIV.search(url)
    return match[1] if match and urlsplit(url).netloc.endswith("arxiv.org") else ""


def name_entry(row: Row, arxiv: str) -> str:
    return f"arxiv:{arxiv}" if arxiv else re.sub(r"[^A-Za-z0-9-]", "-", row.model_slug) or "paper"


def escape_tex(text: str) -> str:
    return "".join(TEX_SIGNS.get(sign, sign) for sign in " ".join(text.split()))
