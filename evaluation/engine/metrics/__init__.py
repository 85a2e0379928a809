"""Predictions and labels to scores, on the trusted side. One file a kind of task, each a `Kind`."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evaluation.contract import InputFault, Score
from evaluation.engine.metrics import classification, multilabel


class Outcomes(Protocol):
    """What the predictions say of each sample, in dataset order."""

    def to_columns(self, classes: int) -> dict[str, npt.NDArray[np.generic]]:
        """Return one row a sample in each column, enough to score it again."""

    def find_right(self, key: str) -> npt.NDArray[np.bool_] | None:
        """Return which samples came out right by this metric, None where it does not judge samples one by one."""


class Rebuilding(Protocol):
    """A file that makes its outcomes from stored columns."""

    @property
    def Outcomes(self) -> Callable[..., Outcomes]: ...  # noqa: N802


class Kind(Rebuilding, Protocol):
    """What a file of this package offers. `labels`: as many dimensions as `DIMENSIONS`, sample first."""

    DIMENSIONS: int
    LABELS: str
    DEFAULTS: tuple[str, ...]
    COLUMNS: tuple[str, ...]

    def knows(self, key: str) -> bool: ...

    def judge(self, logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> Outcomes: ...

    def score(self, outcomes: Any, keys: tuple[str, ...]) -> dict[str, Score]: ...

    def analyse(self, outcomes: Any, labels: npt.NDArray[np.int32], names: tuple[str, ...]) -> dict[str, Any]: ...


KINDS: tuple[Kind, ...] = (classification, multilabel)


def choose(labels: npt.NDArray[np.int32], keys: tuple[str, ...]) -> Kind:
    """Return the kind of task with such labels. Raises: InputFault where a metric is of another kind, or unknown."""
    kind = next(kind for kind in KINDS if labels.ndim == kind.DIMENSIONS)
    wrong = next((key for key in keys if not kind.knows(key)), None)
    if wrong is None:
        return kind
    if not any(other.knows(wrong) for other in KINDS):
        known = " or ".join(f"{', '.join(each.DEFAULTS)} for {each.LABELS}" for each in KINDS)
        raise InputFault(f"The metric {wrong!r} is unknown; use {known}.")
    raise InputFault(
        f"The metric {wrong} does not fit this dataset, which has {kind.LABELS}; use {', '.join(kind.DEFAULTS)}."
    )
