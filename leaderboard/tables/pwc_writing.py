"""A board as Papers with Code's `evaluation-tables` JSON, which `tables.pwc` reads again. Pure."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from leaderboard.tables.boards import Row, state_score
from leaderboard.tables.titles import Title


def write_pwc(title: Title, rows: Iterable[Row]) -> Iterator[str]:
    """Yield a task with one dataset. The format knows no verification: `verified` names the metrics that are."""
    rest = [{"title": title.cut, "url": title.rest}] if title.rest else []
    dataset = {
        "dataset": f"{title.dataset} {title.split}",
        "description": title.protocol,
        "dataset_citations": [],
        "dataset_links": [{"title": title.dataset, "url": title.url}, *rest],
        "subdatasets": [],
        "sota": {"metrics": [column.label for column in title.columns], "rows": []},
    }
    task = {
        "task": title.task,
        "description": "",
        "categories": [],
        "subtasks": [],
        "synonyms": [],
        "source_link": title.url,
        "datasets": [dataset],
    }
    # The rows come last, so that they need not be there all at once.
    before, after = json.dumps([task], ensure_ascii=False, indent=1).rsplit("[]", 1)
    yield before + "["
    mark = "\n"
    for row in rows:
        yield mark + json.dumps(describe_row(title, row), ensure_ascii=False)
        mark = ",\n"
    yield f"\n]{after}\n"


def describe_row(title: Title, row: Row) -> dict[str, Any]:
    stated = {column.label: state_score(row.scores.get(column.key), column.decimals) for column in title.columns}
    verified = (c for c in title.columns if c.key in row.scores and row.scores[c.key].verified is not None)
    return {
        "model_name": row.model_name,
        "metrics": {label: text for label, text in stated.items() if text},
        "verified": [column.label for column in verified],
        **({"image_size": row.image_size} if row.image_size else {}),
        "paper_url": row.paper_url,
        "paper_title": row.paper_title,
        "paper_date": row.published_on.isoformat() if row.published_on else None,
        "code_links": [{"title": code["label"], "url": code["url"]} for code in row.code_urls],
        "model_links": [{"title": link.framework, "url": link.url} for link in row.weights if link.url],
    }
