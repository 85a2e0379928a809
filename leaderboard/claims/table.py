"""What the claim lint looks at and what it says. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit


def gettext_noop(text: str) -> str:
    """Mark a sentence for translation; it is translated where it is shown."""
    return text


class Severity(StrEnum):
    """How sure a finding is: an error cannot be true, a warning hardly, a note deserves a look."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Action(StrEnum):
    """What accepting a repair does to the rows it names."""

    REPLACE_SCORE = "replace_score"
    DROP_SCORE = "drop_score"
    REPLACE_WEIGHTS = "replace_weights"
    DROP_WEIGHTS = "drop_weights"
    DROP_ROW = "drop_row"


@dataclass(frozen=True)
class StatedScore:
    """A claimed score and its digits as stated."""

    value: float
    text: str


@dataclass(frozen=True)
class StatedWeights:
    """A weights link: its framework and address."""

    framework: str
    url: str

    @property
    def address(self) -> SplitResult | None:
        """The parts of the address, None where it cannot be read."""
        try:
            return urlsplit(self.url)
        except ValueError:
            return None


@dataclass(frozen=True)
class ClaimRow:
    """A row of claims. `key` is the caller's own name for it, such as an entry's id.

    `setting` tells apart rows that evaluate one file differently, such as at two image sizes.
    """

    key: str
    name: str
    scores: Mapping[str, StatedScore]
    weights: tuple[StatedWeights, ...] = ()
    code_urls: tuple[str, ...] = ()
    setting: str = ""


@dataclass(frozen=True)
class MetricRule:
    """What is known of a metric. A proportion is a count of right samples over all samples, as accuracy is."""

    key: str
    label: str
    unit: str = "%"
    direction: str = "higher"
    is_proportion: bool = True


@dataclass(frozen=True)
class ClaimTable:
    """The rows of a benchmark in the order of their source, and its size where it is known."""

    rows: tuple[ClaimRow, ...]
    metrics: tuple[MetricRule, ...]
    samples: int | None = None
    classes: int | None = None

    def column(self, key: str) -> list[tuple[ClaimRow, StatedScore]]:
        """Return the rows that state this metric, with their scores."""
        return [(row, row.scores[key]) for row in self.rows if key in row.scores]


@dataclass(frozen=True)
class Change:
    """One step of a repair: `before` becomes `after` ("" where it is dropped). `metric` is empty for addresses."""

    action: Action
    row: str
    metric: str = ""
    before: str = ""
    after: str = ""
    source: str = ""


@dataclass(frozen=True)
class Finding:
    """Something wrong with the rows named by key; `sentence` with `parameters` says what."""

    rule: str
    severity: Severity
    rows: tuple[str, ...]
    sentence: str
    parameters: Mapping[str, str | int | float] = field(default_factory=dict)
    repair: tuple[Change, ...] = ()

    def __str__(self) -> str:
        return self.sentence % self.parameters

    @property
    def digest(self) -> str:
        """Names the finding by all that it says: what is accepted is what was shown."""
        said = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:32]
