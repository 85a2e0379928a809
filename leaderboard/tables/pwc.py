"""Papers with Code's `evaluation-tables` JSON. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from leaderboard.tables.document import (
    FormatFault,
    ParsedBenchmark,
    ParsedCatalogue,
    ParsedEntry,
    ParsedLink,
    ParsedMetric,
    ParsedScore,
    ParsedTask,
    Skipped,
)
from leaderboard.tables.scores import SkippedRow, is_absent, is_web, read_image_size, read_score
from leaderboard.tables.vocabulary import (
    ENGLISH,
    TASKS,
    describe_dataset,
    describe_metric,
    describe_protocol,
    identify_task,
    make_slug,
    name_benchmark,
    split_heading,
)


def parse(text: str, *, filename: str) -> ParsedCatalogue:
    """Return every task with its tables. Raises: FormatFault where this is no such file."""
    try:
        document = json.loads(text)
        tasks = document if isinstance(document, list) else [document]
        catalogue = ParsedCatalogue(source=filename)
        for task in tasks:
            read_task(task, catalogue)
    except json.JSONDecodeError as error:
        raise FormatFault(f"{filename} is no JSON, or cut short: line {error.lineno} cannot be read.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        sentence = "is no evaluation-tables file of Papers with Code, a list of tasks with their datasets"
        raise FormatFault(f"{filename} {sentence}.") from error
    if not any(task.benchmarks for task in catalogue.tasks):
        raise FormatFault(f"{filename} holds no table of results; nothing can be imported.")
    return catalogue


def read_task(data: dict[str, Any], catalogue: ParsedCatalogue) -> None:
    name = data["task"]
    slug = identify_task(name)
    description = {ENGLISH: data.get("description") or ""}
    task = ParsedTask(slug=slug, name=dict(TASKS.get(slug, {ENGLISH: name})), description=description)
    for dataset in data.get("datasets") or []:
        task.benchmarks += read_datasets(dataset, "", catalogue)
    catalogue.tasks.append(task)
    for subtask in data.get("subtasks") or []:
        read_task(subtask, catalogue)


def read_datasets(data: dict[str, Any], parent: str, catalogue: ParsedCatalogue) -> Iterator[ParsedBenchmark]:
    heading = " ".join(part for part in (parent, data.get("dataset") or data.get("subdataset") or "") if part)
    if (sota := data.get("sota")) and sota.get("rows"):
        yield read_table(heading, data.get("description") or "", sota, catalogue)
    for sub in data.get("subdatasets") or []:
        yield from read_datasets(sub, heading, catalogue)


def read_table(heading: str, description: str, sota: dict[str, Any], catalogue: ParsedCatalogue) -> ParsedBenchmark:
    name, split = split_heading(heading)
    dataset = describe_dataset(name, split, make_slug(name) or "dataset")
    protocol = describe_protocol(description)
    # Our own export tells the protocol there.
    if description not in protocol.name.values():
        dataset.description = {ENGLISH: description}
    labels = {label: describe_metric(label) for label in sota.get("metrics") or []}
    benchmark = ParsedBenchmark(
        slug=name_benchmark(dataset.slug, split, protocol.slug),
        dataset=dataset,
        protocol=protocol,
        metrics=list({metric.key: metric for metric in reversed(labels.values())}.values())[::-1],
    )
    for number, row in enumerate(sota["rows"], start=1):
        try:
            benchmark.entries.append(read_row(row, labels, number))
        except SkippedRow as skipped:
            reason = f"{heading}: {skipped}"
            catalogue.skipped.append(Skipped(number, str(row.get("model_name"))[:200], reason))
    return benchmark


def read_row(row: dict[str, Any], labels: dict[str, ParsedMetric], number: int) -> ParsedEntry:
    """Raises: SkippedRow."""
    model = (row.get("model_name") or "").strip()
    if not model:
        raise SkippedRow("the row names no model")
    stated = {label: str(value).strip() for label, value in (row.get("metrics") or {}).items() if value is not None}
    scores: dict[str, ParsedScore] = {}
    for label, value in stated.items():
        if label in labels and not is_absent(value):
            score, metric = read_score(value, label), labels[label]
            if scores.setdefault(metric.key, score) != score:
                raise SkippedRow(f"it states {metric.label} {scores[metric.key].text} as well as {score.text}")
    if not scores:
        raise SkippedRow("the row states no score")
    paper_url = str(row.get("paper_url") or "")
    return ParsedEntry(
        model=model,
        scores=scores,
        weights=read_links(row, "model_links", "unstated"),
        codes=read_links(row, "code_links", "code"),
        paper_url=paper_url if is_web(paper_url) else "",
        paper_title=row.get("paper_title") or "",
        paper_date=row.get("paper_date") or "",
        image_size=read_image_size(row.get("image_size")),
        line=number,
    )


def read_links(row: dict[str, Any], name: str, label: str) -> list[ParsedLink]:
    links = [ParsedLink(link.get("title") or label, link["url"]) for link in row.get(name) or []]
    return [link for link in links if is_web(link.url)]
