"""What a search finds: all of its words first, and on PostgreSQL also what is nearly spelt so."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.contrib.postgres.lookups import TrigramWordSimilar
from django.contrib.postgres.search import TrigramWordSimilarity
from django.db import connection, transaction
from django.db.models import CharField, Model, Q, QuerySet, TextField
from django.db.models.functions import Upper

from leaderboard.models import Benchmark, Dataset, Paper, Task
from leaderboard.models import Model as PublishedModel

FOUND_PER_KIND, WORDS = 20, 8
# So many found by all words are enough; nobody looks for what is nearly spelt so.
ENOUGH = 3
# Of a word's trigrams so many have to be there: "desnet" has 0.57 of DenseNet's.
NEARNESS = 0.5
M = TypeVar("M", bound=Model)

# The operator that trigram indexes answer; Django registers it with an app that brings nothing else needed here.
CharField.register_lookup(TrigramWordSimilar)
TextField.register_lookup(TrigramWordSimilar)


@dataclass(frozen=True)
class FoundPage:
    """One thing that a search found. `kind` is its word: task, dataset, benchmark, model or paper."""

    kind: str
    name: str
    url: str
    note: str = ""
    is_near: bool = False


@dataclass(frozen=True)
class Kind:
    """What is searched: the fields in which words are looked for, the one that may be misspelt, and how it is told."""

    rows: QuerySet[Any]
    fields: tuple[str, ...]
    near: str
    tell: Callable[[Any], FoundPage]


def list_kinds() -> Iterator[Kind]:
    names = ("name_en", "name_zh_hans")
    yield Kind(Task.objects.all(), names, "name_en", lambda task: FoundPage("task", task.name, address(task)))
    yield Kind(
        Dataset.objects.all(),
        ("name", "slug"),
        "name",
        lambda dataset: FoundPage("dataset", dataset.name, address(dataset), dataset.licence),
    )
    yield Kind(
        Benchmark.objects.select_related("split__dataset", "protocol", "task"),
        ("split__dataset__name", "slug", *(f"{of}__{name}" for of in ("task", "protocol") for name in names)),
        "split__dataset__name",
        lambda board: FoundPage("benchmark", str(board), address(board), board.task.name),
    )
    yield Kind(
        PublishedModel.objects.all(),
        ("name", "architecture"),
        "name",
        lambda model: FoundPage("model", model.name, address(model), model.architecture),
    )
    yield Kind(
        Paper.objects.all(),
        ("title", "authors"),
        "title",
        lambda paper: FoundPage("paper", str(paper), address(paper), paper.authors),
    )
    if connection.vendor == "postgresql":
        # Authors are misspelt more often than anything else.
        yield Kind(Paper.objects.none(), (), "authors", lambda paper: FoundPage("paper", str(paper), address(paper)))


def address(row: Any) -> str:
    return str(row.get_absolute_url())


def search(text: str) -> list[FoundPage]:
    """Return what holds all words of `text`, at most twenty of each kind, then what nearly does."""
    words = text.split()[:WORDS]
    if not words:
        return []
    kinds = list(list_kinds())
    exact = [kind.tell(row) for kind in kinds if kind.fields for row in matching(kind.rows, words, *kind.fields)]
    near: list[FoundPage] = []
    if connection.vendor == "postgresql" and len(exact) < ENOUGH:
        for kind in kinds:
            near += [replace(kind.tell(row), is_near=True) for row in resembling(kind.rows.model, kind.near, text)]
    # Each page once, as what it was found as first.
    pages: dict[str, FoundPage] = {}
    for page in [*exact, *near]:
        pages.setdefault(page.url, page)
    return list(pages.values())


def matching(rows: QuerySet[M], words: list[str], *fields: str) -> QuerySet[M]:
    """Return the rows in one of whose fields each word stands."""
    for word in words:
        one = Q()
        for field in fields:
            one |= Q(**{f"{field}__icontains": word})
        rows = rows.filter(one)
    return rows[:FOUND_PER_KIND]


def resembling(model: type[M], field: str, text: str) -> list[M]:
    """Return the rows in whose field something is spelt nearly so, the nearest first. PostgreSQL only."""
    rows = model._default_manager.annotate(upper=Upper(field)).filter(upper__trigram_word_similar=text.upper())
    nearest = rows.order_by(TrigramWordSimilarity(text.upper(), "upper").desc(), "pk")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL pg_trgm.word_similarity_threshold = %s", [NEARNESS])
        return list(nearest[:ENOUGH])
