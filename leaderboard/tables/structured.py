"""Our own structured form of a catalogue, as JSON: the neutral form written out, texts in both languages. Pure."""

import json
from dataclasses import asdict
from typing import Any

from leaderboard.tables.document import (
    FormatFault,
    ParsedBenchmark,
    ParsedCatalogue,
    ParsedDataset,
    ParsedEntry,
    ParsedLink,
    ParsedMetric,
    ParsedProtocol,
    ParsedResource,
    ParsedScore,
    ParsedTask,
)

FORMAT = "veriboard-catalogue"


def dump(catalogue: ParsedCatalogue) -> str:
    """Return the JSON text; what is unknown is left out."""
    tasks = [prune(asdict(task)) for task in catalogue.tasks]
    document = {"format": FORMAT, "version": 1, "source": catalogue.source, "tasks": tasks}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def prune(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: prune(v) for k, v in value.items() if v not in (None, "", [], {}) and k != "line"}
    return [prune(item) for item in value] if isinstance(value, list) else value


def parse(text: str, *, filename: str) -> ParsedCatalogue:
    """Return the catalogue. Raises: FormatFault, saying which part is off."""
    try:
        document = json.loads(text)
        if document.get("format") != FORMAT:
            raise FormatFault(f"{filename} is JSON, but not a {FORMAT}.")
        tasks = [read_task(task) for task in document["tasks"]]
        return ParsedCatalogue(source=document["source"], tasks=tasks)
    except FormatFault:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatFault(f"{filename} is no {FORMAT}: {type(error).__name__} at {error}.") from error


def read_task(data: dict[str, Any]) -> ParsedTask:
    parts = {
        "benchmarks": [read_benchmark(each) for each in data.get("benchmarks", [])],
        "resources": [ParsedResource(**each) for each in data.get("resources", [])],
    }
    return ParsedTask(**(data | parts))


def read_benchmark(data: dict[str, Any]) -> ParsedBenchmark:
    parts = {
        "dataset": ParsedDataset(**data["dataset"]),
        "protocol": ParsedProtocol(**data["protocol"]),
        "metrics": [ParsedMetric(**each) for each in data.get("metrics", [])],
        "entries": [read_entry(each, number) for number, each in enumerate(data.get("entries", []), start=1)],
    }
    return ParsedBenchmark(**(data | parts))


def read_entry(data: dict[str, Any], number: int) -> ParsedEntry:
    parts = {
        "scores": {key: ParsedScore(**score) for key, score in data.get("scores", {}).items()},
        "weights": [ParsedLink(**link) for link in data.get("weights", [])],
        "codes": [ParsedLink(**link) for link in data.get("codes", [])],
        "line": number,
    }
    return ParsedEntry(**(data | parts))
