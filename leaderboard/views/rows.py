"""The rows of a board as markup.

Written here and not in a template: fifty rows of ten cells are the bulk of the busiest page, and a template takes ten
times as long for them. Everything that is not a number passes through `escape`.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import get_language, gettext

from leaderboard import charts
from leaderboard.models import Metric
from leaderboard.queries import Board, BoardRow, ScoreCell
from leaderboard.templatetags.veriboard import row_difference, score, short, signed, size, web

NOBODY = UUID(int=0)
# The rows at the top of a board stand on page after page, and frameworks in row after row.
escape = lru_cache(maxsize=10_000)(html.escape)
FREE = 'rel="nofollow"'
# Mark and class of each verdict of a verified row; the word beside it is translated.
MARKS = {"match": "✓", "below": "≠", "above": "↑", "none": "✓"}


@cache
def read_texts(language: str | None) -> dict[str, str]:
    """Return the words of the rows in the reader's language, which is the active one."""
    return {
        "level": gettext("cannot be told apart from the leader"),
        "unranked": gettext("Claims are not ranked"),
        "extra": gettext("Extra data"),
        "claim": gettext("claim"),
        "weights": gettext("weights"),
        "paper": gettext("paper"),
        "code": gettext("code"),
        "verify": gettext("Verify"),
        "claimed": gettext("not verified"),
        "match": gettext("match"),
        "below": gettext("below"),
        "above": gettext("above"),
        "none": gettext("verified"),
    }


@cache
def split_address(name: str, sample: object) -> tuple[str, str]:
    """Return what stands before and behind the argument in a route's address."""
    before, _, after = reverse(name, args=[sample]).partition(str(sample))
    return before, after


@lru_cache
def shorten(text: str) -> str:
    return Truncator(text).chars(24)


@dataclass
class RowWriter:
    """Writes the rows of one page of a board."""

    board: Board
    columns: tuple[str, ...]
    axis: charts.Axis | None
    texts: dict[str, str] = field(default_factory=lambda: read_texts(get_language()))
    to_model: tuple[str, str] = field(default_factory=lambda: split_address("model", "slug"))
    to_entry: tuple[str, str] = field(default_factory=lambda: split_address("entry", 1234567890))
    to_submission: tuple[str, str] = field(default_factory=lambda: split_address("submission", NOBODY))
    to_submit: str = field(default_factory=lambda: reverse("submit"))
    # What writes the cells of a row, one after the other.
    writers: list[Callable[[BoardRow], str]] = field(init=False)

    def __post_init__(self) -> None:
        for_columns = {
            "parameters": self.write_parameters,
            "multiply_adds": self.write_multiply_adds,
            "published": self.write_published,
            "extra_data": self.write_extra_data,
            "verdict": self.write_verdict,
            "links": self.write_links,
            "date": self.write_date,
        }
        self.writers = [self.write_rank, self.write_model]
        for metric in self.board.head.metrics:
            if metric == self.board.metric:
                self.writers.append(partial(self.write_chosen, metric))
            elif "metrics" in self.columns:
                self.writers.append(partial(self.write_other, metric))
        self.writers += [write for column, write in for_columns.items() if column in self.columns]

    def write(self, row: BoardRow) -> str:
        level = " level" if row.is_level else ""
        cells = "".join([write(row) for write in self.writers])
        return f'<tr id="entry-{row.entry_id}" class="{escape(row.status)}{level}">{cells}</tr>'

    def write_rank(self, row: BoardRow) -> str:
        if not row.rank:
            return f'<td class="rank"><span title="{self.texts["unranked"]}">–</span></td>'
        span = f"{row.rank_low}" if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"
        if not row.is_level:
            return f'<td class="rank"><b>{row.rank}</b><small>{span}</small></td>'
        said = self.texts["level"]
        mark = f'<i>≈<span class="unseen"> {said}</span></i>'
        return f'<td class="rank"><b title="{said}">{row.rank}{mark}</b><small>{span}</small></td>'

    def write_model(self, row: BoardRow) -> str:
        notes = [str(row.published_on.year)] if row.published_on else []
        notes += [size(row.parameters)] if row.parameters else []
        notes += [escape(each) for each in row.setting]
        if row.extra_data and "extra_data" not in self.columns:
            title = f"{self.texts['extra']}: {escape(row.extra_data)}"
            notes.insert(0, f'<span class="plus" title="{title}">+{escape(shorten(row.extra_data))}</span>')
        link = f'<a href="{escape(row.model_slug.join(self.to_model))}">{escape(row.model_name)}</a>'
        return f'<th scope="row" class="model">{link}<small>{" · ".join(notes)}</small></th>'

    def write_chosen(self, metric: Metric, row: BoardRow) -> str:
        cell = row.scores.get(metric.key) or ScoreCell()
        note = strip = ""
        if cell.claimed is not None:
            claim = "" if cell.verified is None else f" {score(cell.claimed, metric)}"
            note = f"<small>{self.texts['claim']}{claim}</small>"
        if self.axis:
            strip = f'<td class="strip">{self.write_strip(cell, self.axis)}</td>'
        return f'<td class="score{" best" if cell.is_best else ""}">{score(cell.shown, metric)}{note}</td>{strip}'

    def write_other(self, metric: Metric, row: BoardRow) -> str:
        cell = row.scores.get(metric.key) or ScoreCell()
        return f'<td class="score other{" best" if cell.is_best else ""}">{score(cell.shown, metric)}</td>'

    def write_strip(self, cell: ScoreCell, axis: charts.Axis) -> str:
        verified, low, high, claimed = charts.make_strip(axis, cell)
        # The head has drawn them.
        said, drawn = "", '<use href="#ticks"/>'
        if verified is not None:
            said = short(cell.verified)
            if claimed not in (None, verified):
                drawn += f'<path d="M{claimed} 15H{verified}" class="gap"/>'
            if low is not None:
                drawn += f'<path d="M{low} 15H{high}" class="interval"/>'
            drawn += f'<circle cx="{verified}" cy="15" r="3.5" class="full"/>'
        if claimed is not None:
            said += f"{' ' if said else ''}({short(cell.claimed)})"
            drawn += f'<circle cx="{claimed}" cy="15" r="5" class="hollow"/>'
        return f'<svg role="img" aria-label="{said}">{drawn}</svg>' if said else ""

    def write_parameters(self, row: BoardRow) -> str:
        return f'<td class="number fact">{size(row.parameters) or "–"}</td>'

    def write_multiply_adds(self, row: BoardRow) -> str:
        return f'<td class="number fact">{size(row.multiply_adds) or "–"}</td>'

    def write_published(self, row: BoardRow) -> str:
        return f'<td class="fact">{row.published_on or "–"}</td>'

    def write_extra_data(self, row: BoardRow) -> str:
        return f'<td class="fact">{escape(row.extra_data) or "–"}</td>'

    def write_verdict(self, row: BoardRow) -> str:
        verdict = "claimed" if row.status == "claimed" else row.verdict
        kind = {"claimed": "none", "none": "match"}.get(verdict, verdict)
        difference = f"{signed(row_difference(row, self.board.head.metrics))} " if verdict in ("below", "above") else ""
        mark = f'<i aria-hidden="true">{MARKS.get(verdict, "○")}</i>{difference}{self.texts[verdict]}'
        address = f"{row.entry_id}".join(self.to_entry)
        return f'<td class="verdict"><a href="{address}" class="mark {kind}">{mark}</a></td>'

    def write_links(self, row: BoardRow) -> str:
        texts, links = self.texts, []
        for file in row.weights:
            if file.url:
                # Of one file the line below the model's name tells the framework.
                name, title = texts["weights"], ""
                if len(row.weights) > 1:
                    name = escape(file.framework)
                    title = f' title="{texts["weights"]} {name}"'
                links.append(f'<a href="{escape(web(file.url))}" {FREE}{title}>{name}</a>')
        if row.paper_url:
            title = f' title="{escape(row.paper_title)}"' if row.paper_title else ""
            links.append(f'<a href="{escape(web(row.paper_url))}" {FREE}{title}>{texts["paper"]}</a>')
        for code in row.code_urls:
            address, title = escape(web(code["url"])), escape(code["label"])
            links.append(f'<a href="{address}" {FREE} title="{title}">{texts["code"]}</a>')
        return f'<td class="links">{" ".join(links)}</td>'

    def write_date(self, row: BoardRow) -> str:
        link = ""
        if row.verified_at:
            is_told = row.submission_id is not None
            address = (
                f"{row.submission_id}".join(self.to_submission) if is_told else f"{row.entry_id}".join(self.to_entry)
            )
            link = f'<a href="{address}">{row.verified_at.date()}</a>'
        elif self.board.head.benchmark.takes_submissions:
            address = f"{self.to_submit}?entry={row.entry_id}"
            link = f'<a class="button small" href="{address}">{self.texts["verify"]}</a>'
        return f'<td class="date">{link}</td>'


def write_rows(board: Board, columns: tuple[str, ...], axis: charts.Axis | None) -> SafeString:
    """Write the rows of this page of the board."""
    writer = RowWriter(board, columns, axis)
    return mark_safe("\n".join(writer.write(row) for row in board.rows))
