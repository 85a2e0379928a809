"""What the trusted side tells the predictor. Torch is not needed to write it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from evaluation.contract import as_tuples


class EngineTrouble(Exception):
    """We are at fault. The message is one line for the log."""


def lack_room() -> EngineTrouble:
    return EngineTrouble("There is no room left on the disk: make room, then run it again.")


@dataclass(frozen=True)
class Job:
    """What the predictor is told before the images are ready. The number of classes follows when they are.

    `pixels`: where (N, H, W, 3) uint8 will lie, in an order that only the scorer knows; `side`: their height and width,
    None where it is the images' own.
    """

    weights: str
    architecture: str
    pixels: str
    predictions: str
    side: int | None
    background: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    device: str
    precision: str
    forward: str
    batch_size: int | None
    chunk: int

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Job":
        return cls(**as_tuples(json.loads(path.read_text())))


def name_chunk(index: int) -> str:
    return f"{index:06d}.npy"
