"""Our own structured form of a catalogue, as JSON: the neutral form written out, texts in both languages. Pure."""

import json
import math
from dataclasses import MISSING, asdict, fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from leaderboard.tables.document import FormatFault, ParsedBenchmark, ParsedCatalogue, ParsedTask, Texts
from leaderboard.tables.vocabulary import CHINESE, ENGLISH

FORMAT = "veriboard-catalogue"
LANGUAGES = (ENGLISH, CHINESE)
NAMES = {str: "a text", int: "a whole number", float: "a number"}


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
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise FormatFault(f"{filename} is JSON, but not a {FORMAT}.")
        source = read(str, document.get("source"), "source")
        tasks: list[ParsedTask] = read(list[ParsedTask], document.get("tasks"), "tasks")
    except json.JSONDecodeError as error:
        raise FormatFault(f"{filename} is no {FORMAT}: line {error.lineno} cannot be read.") from error
    except ValueError as error:
        raise FormatFault(f"{filename} is no {FORMAT}: {error}.") from error
    for benchmark in [benchmark for task in tasks for benchmark in task.benchmarks]:
        check_scores(benchmark, filename)
    return ParsedCatalogue(source=source, tasks=tasks)


def read(kind: Any, value: Any, place: str) -> Any:
    """Return the value as the type that it is declared to have. Raises: ValueError that names its place."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else read(inner[0], value, place)
    if origin is list and isinstance(value, list):
        return [read(inner[0], each, f"{place}[{number}]") for number, each in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        if kind == Texts and (unknown := next((key for key in value if key not in LANGUAGES), None)):
            raise ValueError(f"{place} has the language {unknown!r}; {' and '.join(LANGUAGES)} are known")
        return {key: read(inner[1], each, f"{place}.{key}") for key, each in value.items()}
    if is_dataclass(kind) and isinstance(value, dict):
        return read_part(kind, value, place)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if kind in (str, int) and isinstance(value, kind) and not isinstance(value, bool):
        return value
    raise ValueError(f"{place} is {json.dumps(value, ensure_ascii=False)[:40]}, not {NAMES.get(kind, 'as described')}")


def read_part(kind: Any, value: dict[str, Any], place: str) -> Any:
    """Raises: ValueError."""
    hints = get_type_hints(kind)
    needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(needed - value.keys()):
        raise ValueError(f"{place} lacks {missing[0]!r}")
    if unknown := sorted(value.keys() - hints.keys()):
        raise ValueError(f"{place} has {unknown[0]!r}, which is unknown")
    return kind(**{name: read(hints[name], each, f"{place}.{name}") for name, each in value.items()})


def check_scores(benchmark: ParsedBenchmark, filename: str) -> None:
    """Number the rows. Raises: FormatFault where one has a score of a metric that the benchmark lacks."""
    known = {metric.key for metric in benchmark.metrics}
    for number, entry in enumerate(benchmark.entries, start=1):
        entry.line = number
        if unknown := sorted(entry.scores.keys() - known):
            raise FormatFault(f"{filename}: {benchmark.slug} has no metric {unknown[0]!r}, which {entry.model} states.")
