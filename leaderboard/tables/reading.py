"""Choose the format of a table and parse it. Pure."""

from collections.abc import Callable

from leaderboard.tables import markdown, pwc, structured, timm_csv
from leaderboard.tables.document import FormatFault, ParsedCatalogue

PARSERS: dict[str, Callable[..., ParsedCatalogue]] = {
    "markdown": markdown.parse,
    "pwc": pwc.parse,
    "timm": timm_csv.parse,
    "veriboard": structured.parse,
}


def detect(text: str, filename: str) -> str:
    """Return the name of the format that the text looks like."""
    if text.lstrip()[:1] in ("{", "["):
        return "veriboard" if f'"{structured.FORMAT}"' in text[:300] else "pwc"
    first = text.partition("\n")[0]
    return "timm" if first.startswith("model,") else "markdown"


def read_catalogue(data: bytes, *, filename: str, format: str = "auto") -> ParsedCatalogue:
    """Return what the file says. Raises: FormatFault with one plain sentence."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatFault(f"{filename} is not UTF-8 text; give a Markdown, JSON or CSV file.") from error
    if "\0" in text:
        raise FormatFault(f"{filename} holds null bytes; give a Markdown, JSON or CSV file as text.")
    name = detect(text, filename) if format == "auto" else format
    if name not in PARSERS:
        raise FormatFault(f"The format {name!r} is unknown; use auto, {', '.join(PARSERS)}.")
    try:
        return PARSERS[name](text, filename=filename)
    except RecursionError as error:
        raise FormatFault(f"{filename} is nested deeper than any table; give a Markdown, JSON or CSV file.") from error
