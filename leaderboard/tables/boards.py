"""A board written out: JSON rows, CSV, Markdown. Pure: from rows as `queries.BoardRow` has them."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Protocol


class Cell(Protocol):
    """One metric of a row."""

    claimed: float | None
    verified: float | None
    low: float | None
    high: float | None


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def row_to_dict(row: Any) -> dict[str, Any]:
    """Return a row with the fields that the API promises."""
    cells: dict[str, Cell] = row.scores
    return {
        "rank": row.rank,
        "rank_low": row.rank_low,
        "rank_high": row.rank_high,
        "model": {"slug": row.model_slug, "name": row.model_name},
        "status": str(row.status),
        "verdict": str(row.verdict),
        "claims": {key: cell.claimed for key, cell in cells.items() if cell.claimed is not None},
        "verified": {
            key: {"value": cell.verified, "low": cell.low, "high": cell.high}
            for key, cell in cells.items()
            if cell.verified is not None
        },
        "weights": [{"framework": w.framework, "url": w.url, "sha256": w.sha256} for w in row.weights],
        "paper_url": row.paper_url,
        "code_urls": [code["url"] for code in row.code_urls],
        "parameters": row.parameters,
        "verified_at": row.verified_at,
        "result": row.result_id,
        "submission": row.submission_id,
    }


def neutralise(value: object) -> object:
    """Keep a spreadsheet from running text as a formula; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def write_csv(rows: Iterable[Any], keys: Sequence[str]) -> str:
    """Return the rows with a column a metric for claim, verified score and its interval."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    scores = [f"{key}_{part}" for key in keys for part in ("claimed", "verified", "low", "high")]
    head = ["rank", "rank_low", "rank_high", "model", "status", "verdict", *scores]
    writer.writerow([*head, "parameters", "frameworks", "paper_url", "weights_urls", "verified_at"])
    for row in rows:
        cells = [row.scores.get(key) for key in keys]
        values = [getattr(c, part) if c else None for c in cells for part in ("claimed", "verified", "low", "high")]
        line = [row.rank, row.rank_low, row.rank_high, row.model_name, row.status, row.verdict, *values, row.parameters]
        line += ["+".join(row.frameworks), row.paper_url, " ".join(w.url for w in row.weights)]
        line.append(row.verified_at.isoformat() if row.verified_at else "")
        writer.writerow([neutralise(str(v) if isinstance(v, str) else v) for v in line])
    return out.getvalue()


def escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def write_markdown(rows: Iterable[Any], labels: dict[str, str]) -> str:
    """Return a table that `tables.markdown` reads again; verified scores stand where there are any."""
    lines = ["| Rank | Model | " + " | ".join(labels.values()) + " | Status | Weights | Paper | Code |"]
    lines.append("|" + ":--|" * (len(labels) + 6))
    for row in rows:
        cells = [row.scores.get(key) for key in labels]
        scores = ["" if c is None or c.shown is None else f"{c.shown:.3f}" for c in cells]
        weights = " ".join(f"[{escape(w.framework)}]({w.url})" for w in row.weights if w.url)
        codes = " ".join(f"[{escape(c['label'])}]({c['url']})" for c in row.code_urls)
        paper = f"[paper]({row.paper_url})" if row.paper_url else ""
        parts = [str(row.rank or ""), escape(row.model_name), *scores, str(row.status), weights, paper, codes]
        lines.append("| " + " | ".join(parts) + " |")
    return "\n".join(lines) + "\n"
