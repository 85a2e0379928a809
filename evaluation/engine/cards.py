"""Draw what a link to a board shows where it is shared: 1,200 by 630 pixels, the best five rows on one axis.

Run as `python -m evaluation.engine.cards`: a JSON object on standard input says what, a PNG comes on standard output.
Link previews take no SVG, and the web process draws no pixels.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, EDGE = 1200, 630, 64
PAPER, INK, MUTED, LINE = "#fbfbf9", "#15181d", "#646c77", "#dcdfe4"
VERIFIED, BELOW = "#0a7a55", "#b4231f"
TOP, ROW = 250, 62
NAME, SCORE, AXIS, AXIS_END = EDGE + 64, 640, 690, WIDTH - EDGE - 12
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
# Where the page's font has no Chinese the system's usually has.
CHINESE = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")


class Fonts:
    """The page's font at any size, or one that is always there."""

    def __init__(self, path: str) -> None:
        self.path = path

    def get(self, size: int, text: str, weight: int = 400) -> Font:
        if not text.isascii() and any(ord(sign) > 0x2E80 for sign in text) and CHINESE.exists():
            return ImageFont.truetype(str(CHINESE), size)
        try:
            font = ImageFont.truetype(self.path, size)
            font.set_variation_by_axes([weight])
        except OSError:
            return ImageFont.load_default(size)
        return font


def draw_card(card: dict[str, Any]) -> bytes:
    """Return the PNG of a card: title, note, counts, and rows of rank, name, verified, low, high and claimed."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen, fonts = ImageDraw.Draw(image), Fonts(str(card.get("font", "")))
    write(pen, fonts, (EDGE, 56), "Veriboard", 26, weight=700)
    write(pen, fonts, (EDGE, 108), cut(pen, fonts, card["title"], 60, WIDTH - 2 * EDGE, 700), 60, weight=700)
    write(pen, fonts, (EDGE, 184), cut(pen, fonts, card["note"], 28, WIDTH - 2 * EDGE), 28, colour=MUTED)
    rows = card["rows"][:5]
    for number, row in enumerate(rows):
        draw_row(pen, fonts, row, TOP + number * ROW, find_span(rows))
    write(pen, fonts, (EDGE, HEIGHT - 62), card["counts"], 24, colour=MUTED)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def find_span(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Return the least and the most that any row states, a little apart where they are the same."""
    values = [row[key] for row in rows for key in ("verified", "low", "high", "claimed") if row[key] is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 1, high + 1)


def draw_row(pen: ImageDraw.ImageDraw, fonts: Fonts, row: dict[str, Any], y: int, span: tuple[float, float]) -> None:
    middle = y + ROW // 2

    def place(value: float) -> float:
        return AXIS + (value - span[0]) / (span[1] - span[0]) * (AXIS_END - AXIS)

    pen.line((EDGE, y, WIDTH - EDGE, y), fill=LINE, width=2)
    write(pen, fonts, (EDGE, middle), str(row["rank"] or "–"), 28, weight=700, anchor="lm")
    write(pen, fonts, (NAME, middle), cut(pen, fonts, row["name"], 28, 400, 600), 28, weight=600, anchor="lm")
    is_verified, is_below = row["verified"] is not None, row["is_below"]
    colour = MUTED if not is_verified else INK
    write(pen, fonts, (SCORE, middle), row["score"], 28, colour=colour, weight=700, anchor="rm")
    if is_verified and row["claimed"] is not None:
        ends = sorted((place(row["verified"]), place(row["claimed"])))
        pen.line((ends[0], middle, ends[1], middle), fill=BELOW if is_below else MUTED, width=2)
    if row["low"] is not None and row["high"] is not None:
        pen.line((place(row["low"]), middle, place(row["high"]), middle), fill=VERIFIED, width=5)
    if row["claimed"] is not None:
        circle(pen, place(row["claimed"]), middle, 10, None, MUTED)
    if is_verified:
        circle(pen, place(row["verified"]), middle, 8, VERIFIED, VERIFIED)


def circle(pen: ImageDraw.ImageDraw, x: float, y: float, radius: int, fill: str | None, edge: str) -> None:
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=edge, width=3)


def cut(pen: ImageDraw.ImageDraw, fonts: Fonts, text: str, size: int, width: int, weight: int = 400) -> str:
    """Return the text as far as it fits."""
    font = fonts.get(size, text, weight)
    if pen.textlength(text, font=font) <= width:
        return text
    while text and pen.textlength(text + "…", font=font) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def write(
    pen: ImageDraw.ImageDraw,
    fonts: Fonts,
    place: tuple[float, float],
    text: str,
    size: int,
    *,
    colour: str = INK,
    weight: int = 400,
    anchor: str = "la",
) -> None:
    pen.text(place, text, fill=colour, font=fonts.get(size, text, weight), anchor=anchor)


if __name__ == "__main__":
    sys.stdout.buffer.write(draw_card(json.load(sys.stdin)))
