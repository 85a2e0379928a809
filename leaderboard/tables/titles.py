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
    """The names of a board in English, its metrics, the ranking one first, and its address.

    `rest`: where the next rows are, of a table that ends before the board does.
    """

    task: str
    task_slug: str
    dataset: str
    dataset_slug: str
    split: str
    protocol: str
    columns: tuple[Column, ...]
    url: str
    rest: str = ""

    @property
    def cut(self) -> str:
        """The sentence that says so, "" of a whole board."""
        sentence = f"These are not all rows: the next are at {self.rest} and manage.py export_leaderboard writes all."
        return sentence if self.rest else ""
