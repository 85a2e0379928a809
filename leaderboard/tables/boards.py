"""A board written out: JSON rows, CSV, Markdown. Pure: from rows as `queries.BoardRow` has them."""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote

from leaderboard.figures import write_score
from leaderboard.tables.titles import Title


class Cell(Protocol):
    """One metric of a row."""

    @property
    def claimed(self) -> float | None: ...
    @property
    def claimed_text(self) -> str: ...
    @property
    def verified(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


class Link(Protocol):
    """A weights file."""

    @property
    def framework(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def sha256(self) -> str: ...


class Row(Protocol):
    """A row of a board, as far as it is written out."""

    @property
    def rank(self) -> int | None: ...
    @property
    def rank_low(self) -> int | None: ...
    @property
    def rank_high(self) -> int | None: ...
    @property
    def model_slug(self) -> str: ...
    @property
    def model_name(self) -> str: ...
    @property
    def image_size(self) -> int | None: ...
    @property
    def status(self) -> str: ...
    @property
    def verdict(self) -> str: ...
    @property
    def scores(self) -> Mapping[str, Cell]: ...
    @property
    def weights(self) -> Sequence[Link]: ...
    @property
    def paper_url(self) -> str: ...
    @property
    def paper_title(self) -> str: ...
    @property
    def published_on(self) -> dt.date | None: ...
    @property
    def code_urls(self) -> Sequence[Mapping[str, str]]: ...
    @property
    def parameters(self) -> int | None: ...
    @property
    def multiply_adds(self) -> int | None: ...
    @property
    def extra_data(self) -> str: ...
    @property
    def verified_at(self) -> dt.datetime | None: ...
    @property
    def result_id(self) -> object: ...
    @property
    def submission_id(self) -> object: ...
    @property
    def entry_id(self) -> int: ...


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
# Characters that are written at once.
BUFFER = 60_000
PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
MARKDOWN_SIGNS = re.compile(r"([\\|*_`\[\]<>&])")


def row_to_dict(row: Row) -> dict[str, Any]:
    """Return a row with the fields that the API promises."""
    claims, verified = {}, {}
    for key, cell in row.scores.items():
        if cell.claimed is not None:
            claims[key] = cell.claimed
        if cell.verified is not None:
            verified[key] = {"value": cell.verified, "low": cell.low, "high": cell.high}
    return {
        "rank": row.rank,
        "rank_low": row.rank_low,
        "rank_high": row.rank_high,
        "model": {"slug": row.model_slug, "name": row.model_name},
        "image_size": row.image_size,
        "status": row.status,
        "verdict": row.verdict,
        "claims": claims,
        "verified": verified,
        "weights": [{"framework": w.framework, "url": w.url, "sha256": w.sha256} for w in row.weights],
        "paper_url": row.paper_url,
        "code_urls": [code["url"] for code in row.code_urls],
        "parameters": row.parameters,
        "multiply_adds": row.multiply_adds,
        "extra_data": row.extra_data,
        "published_on": row.published_on,
        "verified_at": row.verified_at,
        "result": row.result_id,
        "submission": row.submission_id,
        "entry": row.entry_id,
    }


def state_score(cell: Cell | None, decimals: int = 3) -> str:
    """Return the digits of the verified score, or of the claim as it was stated where there is none."""
    if cell is None:
        return ""
    if cell.verified is not None:
        return write_score(cell.verified, decimals)
    if cell.claimed is None:
        return ""
    is_plain = PLAIN_NUMBER.fullmatch(cell.claimed_text) is not None
    return cell.claimed_text if is_plain else write_score(cell.claimed, decimals)


def neutralise(value: object) -> object:
    """Keep a spreadsheet from running text as a formula; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS) else value


def write_table(rows: Iterable[Sequence[object]]) -> str:
    """Return any table as CSV that no spreadsheet runs."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([neutralise(cell) for cell in row] for row in rows)
    return out.getvalue()


def write_csv(rows: Iterable[Row], keys: Sequence[str]) -> Iterator[str]:
    """Yield the rows with a column a metric for claim, verified score and its interval."""
    scores = [f"{key}_{part}" for key in keys for part in ("claimed", "verified", "low", "high")]
    head = ["rank", "rank_low", "rank_high", "model", "status", "verdict", *scores]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*head, "parameters", "frameworks", "paper_url", "weights_urls", "verified_at", "image_size"])
    for row in rows:
        writer.writerow(list_cells(row, keys))
        if out.tell() > BUFFER:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def list_cells(row: Row, keys: Sequence[str]) -> list[object]:
    cells: list[object] = [row.rank, row.rank_low, row.rank_high, neutralise(row.model_name), row.status, row.verdict]
    for key in keys:
        cell = row.scores.get(key)
        cells += (cell.claimed, cell.verified, cell.low, cell.high) if cell else (None, None, None, None)
    frameworks = dict.fromkeys([link.framework for link in row.weights])
    return [
        *cells,
        row.parameters,
        neutralise("+".join(frameworks)),
        neutralise(row.paper_url),
        neutralise(" ".join([link.url for link in row.weights])),
        row.verified_at.isoformat() if row.verified_at else "",
        row.image_size,
    ]


def escape(text: str) -> str:
    return MARKDOWN_SIGNS.sub(r"\\\1", " ".join(text.split()))


def link(label: str, url: str) -> str:
    """Return a Markdown link; an address's own brackets, bars and spaces would end it early."""
    return f"[{escape(label)}]({quote(url, safe=':/?#@!$&*+,;=%~')})"


def write_markdown(title: Title, rows: Iterable[Row]) -> Iterator[str]:
    """Yield a page that `tables.markdown` reads again; verified scores stand where there are any."""
    columns = {column.key: column.decimals for column in title.columns}
    heads = " | ".join(escape(column.label) for column in title.columns)
    yield from (f"# {escape(title.task)}\n\n", f"### {escape(title.dataset)} — {escape(title.split)}\n\n")
    yield f"{escape(title.protocol)}\n\n"
    yield f"| Rank | Model | Image size | {heads} | Status | Weights | Paper | Code |\n"
    yield "|" + ":--|" * (len(columns) + 7) + "\n"
    for row in rows:
        parts = [
            str(row.rank or ""),
            escape(row.model_name),
            f"{row.image_size} px" if row.image_size else "",
            *(state_score(row.scores.get(key), decimals) for key, decimals in columns.items()),
            str(row.status),
            " ".join(link(w.framework, w.url) for w in row.weights if w.url),
            link(row.paper_title or "paper", row.paper_url) if row.paper_url else "",
            " ".join(link(code["label"], code["url"]) for code in row.code_urls),
        ]
        yield "| " + " | ".join(parts) + " |\n"
    if title.cut:
        yield f"\n{title.cut}\n"
