"""The neutral form between the exchange formats and the database: what a file states. Pure.

Texts are kept by language ("en", "zh-hans"), so that one catalogue can hold both.
"""

from dataclasses import dataclass, field

Texts = dict[str, str]


class FormatFault(ValueError):
    """The text is not what its format asks for; the message is one plain sentence."""


@dataclass(frozen=True)
class Skipped:
    """A row that was not taken: its line from 1 (its number where a format has no lines), and the reason."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class ParsedLink:
    """A link with its label; of weights and code the label is the framework."""

    label: str
    url: str


@dataclass(frozen=True)
class ParsedScore:
    """A stated score: the number, its digits as stated, and whether they stood in bold."""

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
    name: Texts = field(default_factory=dict)


@dataclass(frozen=True)
class ParsedProtocol:
    """How the scores were taken."""

    slug: str
    name: Texts


@dataclass(frozen=True)
class ParsedDataset:
    """A dataset and one split of it."""

    slug: str
    name: str
    split: str = "test"
    description: Texts = field(default_factory=dict)
    licence: str = ""
    homepage_url: str = ""
    samples: int | None = None
    classes: int | None = None


@dataclass(frozen=True)
class ParsedEntry:
    """A row: a model in its weights, and its scores by metric key. `paper_date` is ISO 8601."""

    model: str
    scores: dict[str, ParsedScore]
    weights: list[ParsedLink] = field(default_factory=list)
    codes: list[ParsedLink] = field(default_factory=list)
    paper_url: str = ""
    paper_title: str = ""
    paper_date: str = ""
    parameters: int | None = None
    line: int = 0


@dataclass
class ParsedBenchmark:
    """A table: a dataset's split under one protocol, its metrics (the first one ranks) and its rows."""

    slug: str
    dataset: ParsedDataset
    protocol: ParsedProtocol
    metrics: list[ParsedMetric] = field(default_factory=list)
    entries: list[ParsedEntry] = field(default_factory=list)
    description: Texts = field(default_factory=dict)
    highlight_count: int | None = None


@dataclass(frozen=True)
class ParsedResource:
    """A useful link on a task page."""

    title: str
    url: str
    type: str = ""
    description: Texts = field(default_factory=dict)


@dataclass
class ParsedTask:
    """A task with its description in Markdown, its benchmarks and resources."""

    slug: str
    name: Texts
    description: Texts = field(default_factory=dict)
    benchmarks: list[ParsedBenchmark] = field(default_factory=list)
    resources: list[ParsedResource] = field(default_factory=list)


@dataclass
class ParsedCatalogue:
    """All that one file states, and what was not taken from it. `source` names the file."""

    source: str
    tasks: list[ParsedTask] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
