"""Choose the format of a table and parse it. Pure."""

import zlib
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


GZIP = b"\x1f\x8b"
MOST_BYTES = 2**28


def detect(text: str, filename: str) -> str:
    """Return the name of the format that the text looks like."""
    if text.lstrip()[:1] in ("{", "["):
        return "veriboard" if f'"{structured.FORMAT}"' in text[:300] else "pwc"
    if model_cards.is_model_card(text):
        return "model-index"
    header = [name.strip(' "') for name in (text.splitlines() or [""])[0].split(",")]
    return "timm" if "model" in header or filename.lower().endswith(".csv") else "markdown"


def unpack(data: bytes, filename: str) -> bytes:
    """Return what a `.gz` holds, and anything else as it is. Raises: FormatFault."""
    if not data.startswith(GZIP):
        return data
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        whole = unpacker.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise FormatFault(f"{filename} is a damaged .gz; pack it again.") from error
    if unpacker.unconsumed_tail:
        raise FormatFault(f"{filename} holds more than {MOST_BYTES >> 20} MiB; import it in parts.")
    if not unpacker.eof:
        raise FormatFault(f"{filename} is a .gz that was cut short; pack it again.")
    return whole


def read_catalogue(data: bytes, *, filename: str, format: str = "auto") -> ParsedCatalogue:
    """Return what the file says. Raises: FormatFault with one plain sentence."""
    try:
        text = unpack(data, filename).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatFault(
            f"{filename} is not UTF-8 text; give a Markdown, YAML, JSON or CSV file, saved as UTF-8."
        ) from error
    if "\0" in text:
        raise FormatFault(f"{filename} holds null bytes; give a Markdown, YAML, JSON or CSV file as text.")
    filename = filename.removesuffix(".gz")
    name = detect(text, filename) if format == "auto" else format
    if name not in PARSERS:
        raise FormatFault(f"The format {name!r} is unknown; use auto, {', '.join(PARSERS)}.")
    try:
        return PARSERS[name](text, filename=filename)
    except RecursionError as error:
        raise FormatFault(
            f"{filename} is nested deeper than any table; give a Markdown, YAML, JSON or CSV file."
        ) from error
