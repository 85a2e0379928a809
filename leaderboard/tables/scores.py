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
# As a header says of how many parameters its cells count one. Without a unit, nobody means a few.
PARAMETERS = re.compile(
    r"#? ?(?:(?:number|no\.?) of )?param(?:eter)?s?\.?(?: count)?"
    r"(?: ?[(\[] ?(k|m|b|thousands?|millions?|billions?) ?[)\]])?"
    r"|(?:模型)?参数[量数]?(?: ?[(（] ?(百万|万|亿|[kmb]) ?[)）])?",
    re.IGNORECASE,
)
UNITS = {"k": 1e3, "t": 1e3, "m": 1e6, "b": 1e9, "百": 1e6, "万": 1e4, "亿": 1e8}
FEWEST_PARAMETERS, MOST_PARAMETERS = 100, 10**15
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


def read_parameters(text: str, header: str) -> int | None:
    """Return how many parameters 25.6 under "Params (M)", "25.6M" or 25,557,032 are; None where none are told."""
    title = PARAMETERS.fullmatch(header.strip())
    if title is None or not is_score(text):
        return None
    unit = (title[1] or title[2] or "")[:1].lower()
    stated = read_score(text, "")
    # A cell's own unit goes before the header's.
    count = stated.value * (1 if stated.text[-1:].lower() in THOUSANDS else UNITS.get(unit, 1))
    return round(count) if FEWEST_PARAMETERS <= count < MOST_PARAMETERS else None


def read_image_size(value: object) -> int | None:
    """Return the side of square images in pixels, as of 288, "288 px" or "288 × 288"; None where none is told."""
    side = SIDE.fullmatch(str(value).strip())
    return int(side[1]) if side and int(side[1]) <= LONGEST_SIDE else None


def is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))
