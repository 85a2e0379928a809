"""Outcomes of an evaluation or a part of it: judged chunk by chunk, joined, stored, put in the dataset's order.

Whatever a kind of task keeps of a sample is a row of its columns, so all of it can be cut and joined without loss: a
whole run is a run of one part, and both take the same way to the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from evaluation.contract import EvaluationReport
from evaluation.engine.job import EngineTrouble, name_chunk
from evaluation.engine.metrics import Kind, Outcomes

Columns = dict[str, npt.NDArray[np.generic]]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Part:
    """What one part left. `keys`: (N, 8) uint8, the beginnings of its images' digests; all rows in the run's order."""

    start: int
    stop: int
    report: EvaluationReport
    keys: npt.NDArray[np.uint8]
    outcomes: Outcomes


class Judge:
    """Judges the predicted chunks as they come. `labels`: sample first, in the order of the predictions.

    A chunk at a time: the logits of all of ImageNet would be in memory several times over.
    """

    def __init__(self, kind: Kind, predictions: Path, labels: Labels, classes: int, chunk: int) -> None:
        self.kind, self.predictions, self.classes = kind, predictions, classes
        self.pieces = [labels[start : start + chunk] for start in range(0, len(labels), chunk)]
        self.judged: list[Outcomes] = []

    def catch_up(self) -> None:
        """Judge what is there by now. Raises: EngineTrouble where a chunk is none."""
        while len(self.judged) < len(self.pieces) and (self.predictions / name_chunk(len(self.judged))).exists():
            self.judge_next()

    def judge_next(self) -> None:
        place = len(self.judged)
        piece = self.pieces[place]
        self.judged.append(self.kind.judge(read_chunk(self.predictions, place, (len(piece), self.classes)), piece))

    def finish(self) -> Outcomes:
        """Return the outcomes of all. Raises: EngineTrouble where a chunk is missing."""
        while len(self.judged) < len(self.pieces):
            self.judge_next()
        return join(self.judged)


def read_chunk(predictions: Path, index: int, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return the logits of one chunk. What the child wrote is checked, not believed; what is none is removed, so that
    the next attempt computes it anew. Raises: EngineTrouble.
    """
    file = predictions / name_chunk(index)
    try:
        logits: npt.NDArray[np.float32] = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        file.unlink(missing_ok=True)
        raise EngineTrouble(f"chunk {index} of the predictions cannot be read: {error}") from error
    if logits.shape != shape or logits.dtype != np.float32 or not np.isfinite(logits).all():
        file.unlink()
        raise EngineTrouble(f"chunk {index} of the predictions is no table of {shape[1]} finite scores an image")
    return logits


def to_columns(outcomes: Outcomes) -> Columns:
    return dict(vars(outcomes))


def rebuild(like: Outcomes, columns: Columns) -> Outcomes:
    make: Any = type(like)
    rebuilt: Outcomes = make(**columns)
    return rebuilt


def join(parts: Sequence[Outcomes]) -> Outcomes:
    """Return the outcomes of all, one after the other."""
    names = to_columns(parts[0])
    return rebuild(parts[0], {name: np.concatenate([to_columns(part)[name] for part in parts]) for name in names})


def restore_order(outcomes: Outcomes, order: npt.NDArray[np.int64]) -> Outcomes:
    """Return the outcomes in dataset order. `order`: the dataset's index of each row."""
    back = np.argsort(order)
    return rebuild(outcomes, {name: column[back] for name, column in to_columns(outcomes).items()})


def pack_keys(digests: Sequence[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join(bytes.fromhex(digest[:16]) for digest in digests), np.uint8).reshape(-1, 8)


def write_part(path: Path, report: EvaluationReport, digests: Sequence[str], outcomes: Outcomes) -> None:
    """Store the report and the full columns; the evidence's are rounded, and would not merge to the same bytes."""
    columns: Columns = {f"outcome.{name}": column for name, column in to_columns(outcomes).items()}
    columns |= {"report": np.frombuffer(report.to_json().encode(), np.uint8), "keys": pack_keys(digests)}
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **columns)


def read_part(path: Path, kind: Kind) -> Part:
    """Raises: EngineTrouble where the file is no part of an evaluation of that kind."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            report = EvaluationReport.from_json(archive["report"].tobytes().decode())
            columns = {name.removeprefix("outcome."): archive[name] for name in archive.files if "." in name}
            start, stop = report.dataset["part"]
            return Part(start, stop, report, archive["keys"], kind.Outcomes(**columns))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise EngineTrouble(f"{path.name} is no part of an evaluation: {error}") from error
