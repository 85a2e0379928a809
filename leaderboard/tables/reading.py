"""Choose the format of a table and parse it. Pure."""

from collections.abc import Callable

from leaderboard.tables import markdown, model_cards, pwc, structured, timm_csv
from leaderboard.tables.document import FormatFault, ParsedCatalogue

PARSERS: dict[str, Callable[..., ParsedCatalogue]] = {
    "markdown": markdown.parse,
    "model-index": model_cards.parse,
    "pwc": pwc.parse,
    "timm": timm_csv.parse,
    "veriboard": structured.parse,
}


def detect(text: str, filename: str) -> str:
    """Return the name of the format that the text looks like."""
    if text.lstrip()[:1] in ("{", "["):
        return "veriboard" if f'"{structured.FORMAT}"' in text[:300] else "pwc"
    if model_cards.is_model_card(text):
        return "model-index"
    first = text.partition("\n")[0]
    return "timm" if first.startswith("model,") else "markdown"


def read_catalogue(data: bytes, *, filename: str, format: str = "auto") -> ParsedCatalogue:
    """Return what the file says. Raises: FormatFault with one plain sentence."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatFault(f"{filename} is not UTF-8 text; give a Markdown, YAML, JSON or CSV file.") from error
    if "\0" in text:
        raise FormatFault(f"{filename} holds null bytes; give a Markdown, YAML, JSON or CSV file as text.")
    name = detect(text, filename) if format == "auto" else format
    if name not in PARSERS:
        raise FormatFault(f"The format {name!r} is unknown; use auto, {', '.join(PARSERS)}.")
    try:
        return PARSERS[name](text, filename=filename)
    except RecursionError as error:
        raise FormatFault(
            f"{filename} is nested deeper than any table; give a Markdown, YAML, JSON or CSV file."
        ) from error
