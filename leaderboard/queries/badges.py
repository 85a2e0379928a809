"""Which row a README's badge speaks of."""

import re
from dataclasses import dataclass

from django.db.models import F

from leaderboard.models import Standing

# As an address, without its host, or inside the Markdown that shows it.
BADGE = re.compile(r"(?:https?://(?P<host>[^/\s\"'()<>]{1,200}))?/badges/(?P<benchmark>[\w-]+)/(?P<model>[\w-]+)")
LONGEST = 1000


@dataclass(frozen=True)
class Badge:
    """A badge's address; `host` is "" where it was given without."""

    host: str
    benchmark: str
    model: str


def read_badge(text: str) -> Badge | None:
    """Return the first badge whose address is in the text."""
    found = BADGE.search(text[:LONGEST])
    return Badge(found["host"] or "", found["benchmark"], found["model"]) if found else None


def find_badged(benchmark: str, model: str) -> Standing | None:
    """Return the model's best verified standing on the board's ranking metric, else its best claim."""
    shown = Standing.objects.filter(benchmark__slug=benchmark, entry__model__slug=model, is_visible=True).ranking()
    related = shown.select_related("entry", "metric", "benchmark__split__dataset")
    return related.order_by(F("rank").asc(nulls_last=True), "-order_value", "entry_id").first()
