"""Papers with Code's `evaluation-tables` JSON. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from leaderboard.tables.document import (
    FormatFault,
    ParsedBenchmark,
    ParsedCatalogue,
    ParsedDataset,
    ParsedEntry,
    ParsedLink,
    ParsedMetric,
    ParsedTask,
    Skipped,
)
from leaderboard.tables.markdown import ABSENT, SkippedRow, is_web, read_score
from leaderboard.tables.vocabulary import ENGLISH, describe_metric, describe_protocol, make_slug, split_heading


def parse(text: str, *, filename: str) -> ParsedCatalogue:
    """Return every task with its tables. Raises: FormatFault where this is no such file."""
    try:
        document = json.loads(text)
        tasks = document if isinstance(document, list) else [document]
        catalogue = ParsedCatalogue(source=filename)
        for task in tasks:
            read_task(task, catalogue)
    except json.JSONDecodeError as error:
        raise FormatFault(f"{filename} is cut short or damaged: no JSON from line {error.lineno} on.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        sentence = "is no evaluation-tables file of Papers with Code, a list of tasks with their datasets"
        raise FormatFault(f"{filename} {sentence}.") from error
    if not any(task.benchmarks for task in catalogue.tasks):
        raise FormatFault(f"{filename} holds no table of results; nothing can be imported.")
    return catalogue


def read_task(data: dict[str, Any], catalogue: ParsedCatalogue) -> None:
    name = data["task"]
    task = ParsedTask(slug=make_slug(name), name={ENGLISH: name}, description={ENGLISH: data.get("description") or ""})
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
    slug = make_slug(name) or "dataset"
    metrics = [describe_metric(label) for label in sota.get("metrics") or []]
    benchmark = ParsedBenchmark(
        slug=f"{slug}-{split}" if split != "test" else slug,
        dataset=ParsedDataset(slug=slug, name=name, split=split, description={ENGLISH: description}),
        protocol=describe_protocol(description),
        metrics=metrics,
    )
    labels = dict(zip(sota.get("metrics") or [], metrics, strict=True))
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
    scores = {
        labels[label].key: read_score(value, label)
        for label, value in stated.items()
        if label in labels and value.lower() not in ABSENT
    }
    if not scores:
        raise SkippedRow("the row states no score")
    paper_url = str(row.get("paper_url") or "")
    codes = [ParsedLink(link.get("title") or "code", link["url"]) for link in row.get("code_links") or []]
    return ParsedEntry(
        model=model,
        scores=scores,
        codes=[link for link in codes if is_web(link.url)],
        paper_url=paper_url if is_web(paper_url) else "",
        paper_title=row.get("paper_title") or "",
        paper_date=row.get("paper_date") or "",
        line=number,
    )
