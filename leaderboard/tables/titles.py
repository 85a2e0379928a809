"""What a written table says of its board as a whole. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A metric of the board."""

    key: str
    label: str
    decimals: int


@dataclass(frozen=True)
class Title:
    """The names of a board in English, its metrics, the ranking one first, and its address."""

    task: str
    task_slug: str
    dataset: str
    dataset_slug: str
    split: str
    protocol: str
    columns: tuple[Column, ...]
    url: str
