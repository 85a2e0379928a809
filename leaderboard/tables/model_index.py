"""A board as the `model-index` of a Hugging Face model card, in YAML. Pure.

Source: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from leaderboard.tables.boards import Cell, Row
from leaderboard.tables.titles import Column, Title

# Rows of which those of a model are put together.
TOGETHER = 20_000
# What the hub calls them.
METRIC_TYPES = {"top1": "accuracy", "top5": "top_5_accuracy", "map": "mean_average_precision", "miou": "mean_iou"}


def write_model_index(title: Title, rows: Iterable[Row]) -> Iterator[str]:
    """Yield one item a model with a result for each of its rows, in the order of the board.

    Of a board longer than `TOGETHER` a model's further rows may come as a further item of its name.
    """
    pending, head = iter(rows), "model-index:\n"
    while block := list(itertools.islice(pending, TOGETHER)):
        models: dict[str, list[dict[str, Any]]] = {}
        for row in block:
            if metrics := list(describe_scores(title, row)):
                models.setdefault(row.model_name, []).append(describe_result(title, row, metrics))
        for name, results in models.items():
            item = [{"name": name, "results": results}]
            yield head + yaml.safe_dump(item, allow_unicode=True, sort_keys=False, width=120)
            head = ""
    if head:
        yield "model-index: []\n"
    if title.cut:
        yield f"# {title.cut}\n"


def describe_result(title: Title, row: Row, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "task": {"type": title.task_slug, "name": title.task},
        "dataset": {
            **{"type": title.dataset_slug, "name": title.dataset, "split": title.split},
            "args": {"protocol": title.protocol, **({"image_size": row.image_size} if row.image_size else {})},
        },
        "metrics": metrics,
        "source": {"name": "Veriboard", "url": title.url},
    }


def describe_scores(title: Title, row: Row) -> Iterable[dict[str, Any]]:
    for column in title.columns:
        cell = row.scores.get(column.key)
        value = read_value(cell, column)
        if cell is not None and value is not None:
            kind = METRIC_TYPES.get(column.key, column.key)
            yield {"type": kind, "name": column.label, "value": value, "verified": cell.verified is not None}


def read_value(cell: Cell | None, column: Column) -> float | None:
    """Return the verified score, or the claim where there is none."""
    if cell is None:
        return None
    return cell.claimed if cell.verified is None else round(cell.verified, column.decimals)
