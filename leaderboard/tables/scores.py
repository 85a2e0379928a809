"""What a cell of any table says: a score, or that there is none. Pure."""

import math
import re
import unicodedata

from leaderboard.tables.document import ParsedScore

ABSENT = (
    *("", "n/a", "n.a.", "na", "-", "–", "—", "?", "none", "null", "tbd", "unknown"),
    *("please tell us", "无", "暂无", "未知"),
)
SPREAD = re.compile(r"\s*(?:±|\+/-).*$")
# A comma stands between thousands alone: "95,1" might be meant either way.
NUMBER = re.compile(
    r"[+-]?(?:(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII
)
THOUSANDS = {"k": 1e3, "m": 1e6, "b": 1e9}
LONGEST_SIDE = 4096
SIDE = re.compile(r"([1-9]\d{0,3})(?: ?[x×] ?\1)?(?: ?(?:px|pixels|像素))?", re.ASCII)
MAX_SAID = 40


class SkippedRow(Exception):
    """Why a row is not taken."""


def is_absent(text: str) -> bool:
    return text.strip().lower() in ABSENT


def read_score(text: str, label: str) -> ParsedScore:
    """Return the number in a cell such as "82.858", "84.3 %", "0.84 ± 0.01" or "220k". Raises: SkippedRow."""
    plain = SPREAD.sub("", unicodedata.normalize("NFKC", text).strip()).removesuffix("%").replace("−", "-").strip()
    factor = THOUSANDS.get(plain[-1:].lower(), 1)
    digits = plain[:-1] if factor != 1 else plain
    value = float(digits.replace(",", "")) * factor if NUMBER.fullmatch(digits) else math.nan
    if not math.isfinite(value):
        raise SkippedRow(f"{label} is {text.strip()[:MAX_SAID]!r}, which is no number")
    return ParsedScore(value, plain.replace(",", "")[:MAX_SAID])


def is_score(text: str) -> bool:
    try:
        read_score(text, "")
    except SkippedRow:
        return False
    return True


def read_image_size(value: object) -> int | None:
    """Return the side of square images in pixels, as of 288, "288 px" or "288 × 288"; None where none is told."""
    side = SIDE.fullmatch(str(value).strip())
    return int(side[1]) if side and int(side[1]) <= LONGEST_SIDE else None


def is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))
