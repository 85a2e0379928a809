"""The neutral form between the formats of tables and the database. Pure."""

from dataclasses import dataclass, field

# Text by language code, "en" or "zh-hans".
Texts = dict[str, str]


class FormatFault(ValueError):
    """The file is not what it was taken for. The message is one plain sentence."""


@dataclass(frozen=True)
class Skipped:
    """A row that was not taken: where it stands and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class ParsedScore:
    """A claimed score: its value, and its digits as they stand in the table."""

    value: float
    text: str


@dataclass(frozen=True)
class ParsedLink:
    """An address with its label: a framework for weights and code."""

    label: str
    url: str


@dataclass
class ParsedEntry:
    """A row. `scores` by metric key."""

    model: str
    scores: dict[str, ParsedScore] = field(default_factory=dict)
    weights: list[ParsedLink] = field(default_factory=list)
    codes: list[ParsedLink] = field(default_factory=list)
    paper_url: str = ""
    paper_title: str = ""
    paper_date: str = ""
    parameters: int | None = None
    # What the images were made to, in pixels, where the source says so: rows of one model differ by it.
    image_size: int | None = None
    resize: int | None = None
    interpolation: str = ""
    line: int = 0


@dataclass
class ParsedMetric:
    """What a column measures; `direction` is "higher" or "lower" is better."""

    key: str
    label: str
    unit: str = ""
    direction: str = "higher"
    decimals: int = 3
    minimum: float | None = None
    maximum: float | None = None
    name: Texts = field(default_factory=dict)


@dataclass
class ParsedProtocol:
    slug: str
    name: Texts


@dataclass
class ParsedDataset:
    """A dataset and the one split of it that a benchmark uses."""

    slug: str
    name: str
    split: str
    samples: int | None = None
    classes: int | None = None
    licence: str = ""
    homepage_url: str = ""
    description: Texts = field(default_factory=dict)


@dataclass
class ParsedBenchmark:
    slug: str
    dataset: ParsedDataset
    protocol: ParsedProtocol
    metrics: list[ParsedMetric] = field(default_factory=list)
    description: Texts = field(default_factory=dict)
    highlight_count: int | None = None
    entries: list[ParsedEntry] = field(default_factory=list)


@dataclass
class ParsedResource:
    title: str
    url: str
    type: str = ""
    description: Texts = field(default_factory=dict)


@dataclass
class ParsedTask:
    slug: str
    name: Texts
    description: Texts = field(default_factory=dict)
    benchmarks: list[ParsedBenchmark] = field(default_factory=list)
    resources: list[ParsedResource] = field(default_factory=list)


@dataclass
class ParsedCatalogue:
    """Everything a file says. `source` names it where a claim is shown."""

    source: str
    tasks: list[ParsedTask] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
