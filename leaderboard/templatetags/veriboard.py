"""How numbers, scores and verdicts are written on pages."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

import nh3
from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, gettext_noop, ngettext
from markdown_it import MarkdownIt

from leaderboard import charts
from leaderboard.claims.table import Finding
from leaderboard.durations import say_duration
from leaderboard.figures import write_score
from leaderboard.models import Metric
from leaderboard.queries import BoardRow, ScoreCell
from leaderboard.sentences import gap, say

register = template.Library()
register.simple_tag(gap)
MARKDOWN = MarkdownIt("commonmark", {"html": False})
# Kinds of resources are free text; these are what imported tables and admins mostly write.
RESOURCE_TYPES = {
    *(gettext_noop("Repository"), gettext_noop("Paper"), gettext_noop("Tutorial"), gettext_noop("Course")),
    *(
        gettext_noop("Article"),
        gettext_noop("Video"),
        gettext_noop("Tool"),
        gettext_noop("Book"),
        gettext_noop("Website"),
    ),
}
NUMBER = re.compile(r"%\((?P<name>\w+)\)(?:\.\d)?(?P<kind>[dfg])")
TAGS = {"p", "ul", "ol", "li", "em", "strong", "code", "pre", "a", "blockquote", "h3", "h4", "br"}


@register.filter
def get(mapping: Mapping[str, Any], key: str) -> Any:
    """Return a value by key, None where there is none."""
    return mapping.get(key)


@register.filter
def score(value: float | None, metric: Metric) -> str:
    """Write a score with its metric's decimals."""
    return "–" if value is None else write_score(value, metric.decimals)


@register.filter
def short(value: float | None) -> str:
    """Write a score with two decimals."""
    return "–" if value is None else write_score(value)


@register.filter
def duration(seconds: float | None) -> str:
    """Write about how long something takes, nothing where that is not known."""
    return "" if seconds is None else say_duration(seconds)


@register.filter
def p_value(value: float) -> str:
    """Write a p value, a very small one as a bound."""
    written = chance(value)
    return f"p {written}" if written.startswith("<") else f"p = {written}"


def chance(value: float) -> str:
    return "< 1e−9" if value < 1e-9 else re.sub("e-0?", "e\N{MINUS SIGN}", f"{value:.2g}")


@register.filter
def signed(value: float | None) -> str:
    """Write a difference with its sign, the typographic minus included."""
    return "" if value is None else f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def size(count: int | None) -> str:
    """Write a number of parameters such as 25.6 M."""
    return charts.name_count(count) if count else ""


@register.filter
def lasting(duration: dt.timedelta | float | None) -> str:
    """Write a duration or a number of seconds as 1 h 2 min or 3.4 s; the SI's units are alike in both languages."""
    if duration is None:
        return "–"
    seconds = duration.total_seconds() if isinstance(duration, dt.timedelta) else duration
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


@register.filter
def device(text: str) -> str:
    """Write what a worker computes on, as it announced it (`cpu: 2 cores`), in the reader's language."""
    kind, _, name = text.partition(": ")
    count = name.removesuffix(" cores")
    if count.isdecimal():
        name = ngettext("%(n)s core", "%(n)s cores", int(count)) % {"n": count}
    return f"{kind}{gettext(': ')}{name}"


@register.filter
def digest(text: str) -> str:
    """Write the first and last digits of a digest."""
    plain = text.removeprefix("sha256:")
    return f"{plain[:4]}·{plain[-4:]}" if len(plain) > 12 else plain


@register.filter
def sentence(finding: Finding) -> str:
    """Write a finding in the reader's language, its numbers as on other pages: of its floats, `g` are chances."""

    def write(found: re.Match[str]) -> str:
        value = float(finding.parameters[found["name"]])
        if found["kind"] == "d":
            return f"{value:,.0f}"
        return chance(value) if found["kind"] == "g" else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")

    return NUMBER.sub(write, gettext(finding.sentence)) % finding.parameters


@register.filter
def resource_type(text: str) -> str:
    """Say what kind of thing a resource is, in the reader's language where the kind is a usual one."""
    return gettext(text) if text in RESOURCE_TYPES else text


@register.filter
def said(text: str) -> str:
    """Say what engine or rules refused, or an admin wrote, in the reader's language where that is known."""
    return say(text)


@register.filter
def markdown(text: str) -> SafeString:
    """Render a catalogue text; HTML in it stays text."""
    return mark_safe(nh3.clean(MARKDOWN.render(text), tags=TAGS, link_rel="nofollow noopener"))


@register.filter
def web(address: str) -> str:
    """Return an address as a link may carry it: the web's, or none. Forms refuse others; other ways in may not."""
    return address if address.startswith(("https://", "http://")) else ""


@register.simple_tag
def strip(axis: charts.Axis, cell: ScoreCell) -> charts.Strip:
    """Place a score on the board's axis."""
    return charts.make_strip(axis, cell)


@register.simple_tag
def row_difference(row: BoardRow, metrics: Sequence[Metric]) -> float | None:
    """Return the difference that a row's verdict speaks of: the furthest on its side of the claim."""
    differences = [
        (cell.difference, cell.difference * (-1 if metric.direction == "lower" else 1))
        for metric in metrics
        if (cell := row.scores.get(metric.key)) and cell.difference is not None
    ]
    if not differences:
        return None
    choose = min if row.verdict == "below" else max
    return choose(differences, key=lambda pair: pair[1])[0]
