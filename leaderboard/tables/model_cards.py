"""The `model-index` of a Hugging Face model card, as its README or as YAML alone. Pure.

Whatever it calls verified is a claim here as well. Source: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from leaderboard.tables.document import (
    FormatFault,
    ParsedBenchmark,
    ParsedCatalogue,
    ParsedEntry,
    ParsedScore,
    ParsedTask,
    Skipped,
)
from leaderboard.tables.model_index import METRIC_TYPES
from leaderboard.tables.scores import SkippedRow, read_image_size, read_score
from leaderboard.tables.vocabulary import (
    ENGLISH,
    SPLIT_NAMES,
    TASKS,
    describe_dataset,
    describe_metric,
    describe_protocol,
    is_known_metric,
    make_slug,
    name_benchmark,
    split_heading,
)

INDEX = re.compile(r"^model-index:", re.MULTILINE)
# A README begins with its YAML, between two lines of hyphens.
FRONT = re.compile(r"---\s*\n(.*?)\n---\s*(\n|$)", re.DOTALL)
METRIC_KEYS = {kind: key for key, kind in METRIC_TYPES.items()}
# Aliases make a small file endless for who follows them.
MOST = 10_000
Node = dict[str, Any]


def is_model_card(text: str) -> bool:
    front = FRONT.match(text)
    return INDEX.search(front[1] if front else text) is not None


def parse(text: str, *, filename: str) -> ParsedCatalogue:
    """Return a benchmark for each dataset that models name scores on. Raises: FormatFault."""
    front = FRONT.match(text)
    try:
        # Plain text everywhere: 81.20 keeps its digits, and no tag makes an object.
        document = yaml.load(front[1] if front else text, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise FormatFault(f"{filename} is no YAML{place}; mend its indents and colons.") from error
    catalogue = ParsedCatalogue(source=filename)
    tasks: dict[str, ParsedTask] = {}
    number = 0
    for model in read_list(document, "model-index"):
        for result in read_list(model, "results"):
            number += 1
            if number > MOST:
                raise FormatFault(f"{filename} states more than {MOST:,} results; import it in parts.")
            try:
                take_result(read_text(model, "name"), result, tasks, number)
            except SkippedRow as skipped:
                catalogue.skipped.append(Skipped(number, read_text(model, "name")[:200], str(skipped)))
    for task in tasks.values():
        # Where no row was taken there is no board either.
        task.benchmarks = [board for board in task.benchmarks if board.entries]
        catalogue.tasks += [task] if task.benchmarks else []
    if not number:
        raise FormatFault(f"{filename} holds no model-index with results; nothing can be imported.")
    return catalogue


def read_list(node: Any, name: str) -> Iterator[Any]:
    found = node.get(name) if isinstance(node, dict) else None
    yield from (found if isinstance(found, list) else [])[:MOST]


def read_part(node: Any, name: str) -> Node:
    found = node.get(name) if isinstance(node, dict) else None
    return found if isinstance(found, dict) else {}


def read_text(node: Any, name: str) -> str:
    found = node.get(name) if isinstance(node, dict) else None
    return found.strip() if isinstance(found, str) else ""


def take_result(model: str, result: Node, tasks: dict[str, ParsedTask], number: int) -> None:
    """Add the scores to the first row of the model that says nothing else of them, or make one. Raises: SkippedRow."""
    if not model:
        raise SkippedRow("the row names no model")
    benchmark = find_benchmark(result, tasks)
    scores: dict[str, ParsedScore] = {}
    for metric in read_list(result, "metrics"):
        kind, value = read_text(metric, "type"), read_text(metric, "value")
        name = read_text(metric, "name")
        column = describe_metric(name if is_known_metric(name) else METRIC_KEYS.get(kind) or name or kind or "score")
        score = read_score(value, column.label)
        if scores.setdefault(column.key, score) != score:
            raise SkippedRow(f"it states {column.label} {scores[column.key].text} as well as {score.text}")
        if all(each.key != column.key for each in benchmark.metrics):
            benchmark.metrics.append(column)
    if not scores:
        raise SkippedRow("the row states no score")
    size = read_image_size(read_text(read_part(read_part(result, "dataset"), "args"), "image_size"))
    rows = (each for each in benchmark.entries if (each.model, each.image_size) == (model, size))
    entry = next((row for row in rows if row.scores | scores == scores | row.scores), None)
    if entry is None:
        entry = ParsedEntry(model=model, image_size=size, line=number)
        benchmark.entries.append(entry)
    entry.scores |= scores


def find_benchmark(result: Node, tasks: dict[str, ParsedTask]) -> ParsedBenchmark:
    """Return the benchmark of the task and the dataset that a result names. Raises: SkippedRow."""
    task, dataset = read_part(result, "task"), read_part(result, "dataset")
    kind = read_text(task, "type")
    # On the hub a dataset is called such as "ILSVRC/imagenet-1k".
    called = read_text(dataset, "name") or read_text(dataset, "type").rpartition("/")[2]
    name, split = split_heading(called)
    named = read_text(dataset, "split")
    split = SPLIT_NAMES.get(named.lower(), named) or split
    slug = make_slug(read_text(dataset, "type").rpartition("/")[2]) or make_slug(name)
    if not make_slug(kind) or not slug:
        raise SkippedRow("the row names no task or no dataset")
    parsed = tasks.setdefault(make_slug(kind), make_task(make_slug(kind), read_text(task, "name") or kind))
    protocol = describe_protocol(read_text(read_part(dataset, "args"), "protocol"))
    address = name_benchmark(slug, split, protocol.slug)
    found = next((each for each in parsed.benchmarks if each.slug == address), None)
    if found is None:
        found = ParsedBenchmark(address, describe_dataset(name, split, slug), protocol)
        parsed.benchmarks.append(found)
    return found


def make_task(slug: str, name: str) -> ParsedTask:
    return ParsedTask(slug=slug, name=dict(TASKS.get(slug) or {ENGLISH: name.replace("-", " ").capitalize()}))
