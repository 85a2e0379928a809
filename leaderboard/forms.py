"""The submission form: what the page shows. `services.submitting.intake` alone checks what the fields may hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.utils.functional import cached_property

from leaderboard.models import Benchmark, Metric
from leaderboard.services.submitting import protocols
from leaderboard.services.submitting.protocols import Proposal

NAMES = (
    *("benchmark", "model_name", "architecture", "framework", "weights", "upload", "weights_url", "weights_sha256"),
    *("background", "paper_url", "code_url"),
)


@dataclass(frozen=True)
class Field:
    """A field as it is shown: its value and the sentence beside it."""

    name: str
    value: str
    error: str

    @property
    def error_id(self) -> str:
        return f"{self.name}-error"


class SubmissionForm:
    """The form with what was sent, or with what it starts with, and the refusals beside their fields."""

    def __init__(
        self,
        benchmarks: Iterable[Benchmark],
        sent: Mapping[str, str] | None = None,
        initial: Mapping[str, str] | None = None,
    ) -> None:
        self.benchmarks = list(benchmarks)
        self.values: Mapping[str, str] = sent if sent is not None else initial or {}
        self.errors: dict[str, str] = {}

    def refuse(self, errors: dict[str, str]) -> None:
        self.errors = errors

    @property
    def is_refused(self) -> bool:
        return bool(self.errors)

    @property
    def general_error(self) -> str:
        return self.errors.get("", "")

    @cached_property
    def fields(self) -> dict[str, Field]:
        return {name: self.make_field(name) for name in NAMES}

    def make_field(self, name: str) -> Field:
        return Field(name, self.values.get(name, ""), self.errors.get(name, ""))

    @cached_property
    def protocol(self) -> Proposal:
        """What the fields of the protocol hold: filled in from the architecture, or the benchmark's own."""
        chosen = self.values.get("benchmark", "")
        # A browser shows the first one as chosen where none is.
        board = next((each for each in self.benchmarks if each.slug == chosen), next(iter(self.benchmarks), None))
        return protocols.propose_protocol(self.values, board)

    @cached_property
    def protocol_fields(self) -> dict[str, Field]:
        values = self.protocol.values
        fields = {key: self.make_field(protocols.PREFIX + key) for key in protocols.FIELDS}
        return {key: replace(each, value=values[each.name]) for key, each in fields.items()}

    @cached_property
    def claims(self) -> list[tuple[Metric, Field]]:
        """Every metric of the boards on offer, once, with its field."""
        metrics = {row.metric.key: row.metric for board in self.benchmarks for row in board.benchmark_metrics.all()}
        return [(metric, self.make_field(f"claim_{key}")) for key, metric in metrics.items()]
