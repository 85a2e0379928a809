"""The neutral form between the exchange formats and the database: what a file states, as frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass


class FormatFault(ValueError):
    """The text is not what its format asks for; the message is one plain sentence."""


@dataclass(frozen=True)
class Skipped:
    """A row that was not taken, with its line (from 1; an ordinal where the format has no lines) and the reason."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class ParsedLink:
    """A link with its label; for weights and code the label is the framework."""

    label: str
    url: str


@dataclass(frozen=True)
class ParsedScore:
    """A stated score: the number, the digits as they stood, and whether they stood in bold."""

    value: float
    text: str
    highlighted: bool = False


@dataclass(frozen=True)
class ParsedMetric:
    """What a column measures; `direction` is "higher" or "lower"."""

    key: str
    label: str
    unit: str = ""
    direction: str = "higher"
    decimals: int = 3
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class ParsedEntry:
    """One row: a model in its weights, with its scores by metric key. `paper_date` is ISO 8601."""

    line: int
    model_name: str
    scores: Mapping[str, ParsedScore]
    weights: tuple[ParsedLink, ...] = ()
    paper_url: str = ""
    paper_title: str = ""
    paper_date: str = ""
    codes: tuple[ParsedLink, ...] = ()
    parameters: int | None = None
    # Told by the source, without which rows of one name are duplicates: image size, say.
    variant: str = ""
    uses_extra_data: bool = False
    architecture: str = ""


@dataclass(frozen=True)
class ParsedBenchmark:
    """One table: a dataset's split under one protocol, its metrics (the first one ranks) and its rows."""

    slug: str
    dataset_slug: str
    dataset_name: str
    split: str
    metrics: tuple[ParsedMetric, ...]
    entries: tuple[ParsedEntry, ...]
    protocol_slug: str = "as-published"
    protocol_text: str = ""
    description_link: str = ""
    dataset_description: str = ""
    highlight_count: int = 5


@dataclass(frozen=True)
class ParsedResource:
    """A useful link on a task page."""

    title: str
    url: str
    type: str = ""
    description: str = ""


@dataclass(frozen=True)
class ParsedTask:
    """A task with its description in Markdown, the metrics it lists, its benchmarks and resources."""

    slug: str
    name: str
    description: str = ""
    metrics: tuple[str, ...] = ()
    benchmarks: tuple[ParsedBenchmark, ...] = ()
    resources: tuple[ParsedResource, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class ParsedCatalogue:
    """All that one file states in one language ("en" or "zh-hans"), and what was not taken from it."""

    format: str
    language: str
    tasks: tuple[ParsedTask, ...]
    skipped: tuple[Skipped, ...] = ()
    source: str = ""

    @property
    def benchmarks(self) -> tuple[ParsedBenchmark, ...]:
        return tuple(benchmark for task in self.tasks for benchmark in task.benchmarks)

    @property
    def entries(self) -> tuple[ParsedEntry, ...]:
        return tuple(entry for benchmark in self.benchmarks for entry in benchmark.entries)


@dataclass(frozen=True)
class ParsedDataset:
    """A dataset page: its texts are Markdown, by section."""

    slug: str
    name: str
    description: str = ""
    technical_details: str = ""
    format_text: str = ""
    links: tuple[ParsedLink, ...] = ()
    downloads: tuple[ParsedLink, ...] = ()
    resources: tuple[ParsedResource, ...] = ()
    homepage_url: str = ""
