"""Derive what was written past the services: before a small board is read, behind the readers of a large one."""

from django.db import transaction

from leaderboard.models import Benchmark, BoardFacts, Entry
from leaderboard.queries import heads
from leaderboard.services.boards import standings

# So many entries a turn: the scheduler has runs to look after, and the next turn follows in seconds.
ENTRIES_A_TURN = 1000


def find_head(slug: str) -> heads.Head | None:
    """Return what all pages of the board share, None where there is no such board.

    A small board that is stale is caught up with first; of a large one is shown what is stored.
    """
    head = heads.find_kept(slug) or heads.read_head(slug)
    if head is None and (benchmark := Benchmark.objects.filter(slug=slug).first()):
        begin(benchmark)
        head = heads.read_head(slug)
    if head and head.facts.is_stale and head.facts.entries <= BoardFacts.SMALL:
        catch_up(head.benchmark)
        head = heads.read_head(slug)
    if head:
        heads.keep(head)
    return head


@transaction.atomic
def begin(benchmark: Benchmark) -> None:
    """Take up a board that was never derived: all of its entries are in arrears."""
    Entry.objects.filter(benchmark=benchmark).update(is_stale=True)
    standings.note_facts(benchmark)


@transaction.atomic
def catch_up(benchmark: Benchmark) -> None:
    """Derive the stale entries of a board, so many at a time, and its ranks and counts."""
    standings.lock(benchmark)
    metrics = list(heads.benchmark_metrics(benchmark))
    stale = Entry.objects.filter(benchmark=benchmark, is_stale=True).select_related("model__paper").order_by("pk")
    standings.refresh_entries(list(stale[:ENTRIES_A_TURN]), benchmark, metrics)
    standings.rerank(benchmark, metrics)
    standings.note_facts(benchmark)


def catch_up_next() -> None:
    """Catch up with the stale board that has waited longest, for one turn."""
    facts = BoardFacts.objects.filter(is_stale=True).select_related("benchmark").defer("findings")
    if oldest := facts.order_by("version").first():
        catch_up(oldest.benchmark)
