"""Derive what the leaderboard reads, `Standing` and an entry's status and verdict, from claims and results."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet

from evaluation.paired import unpack
from evaluation.ranks import find_rank_intervals
from leaderboard.models import Benchmark, BoardFacts, Entry, Metric, Standing
from leaderboard.queries import heads
from leaderboard.queries.board import Counts
from leaderboard.queries.derivation import BATCH, build_standing, collect_known, settle
from leaderboard.queries.pairs import choose_outcomes, read_outcomes
from leaderboard.ranking import RankInterval, rank, rank_intervals_from_intervals, rank_intervals_from_outcomes
from leaderboard.services.boards.findings import describe, find_findings
from leaderboard.versions import forget

# Up to here the pairs are tested here, beyond by the engine, and where there is none, here again up to the second
# number: 300 entries take a quarter of a second at worst. Beyond the third a publication would wait too long.
PAIRED_HERE, PAIRED_WITHOUT_ENGINE, PAIRED_AT_ALL = 300, 600, 3000

# What a standing takes from its entry; ranks follow from the whole board.
DERIVED = ["claimed", "claimed_text", "verified", "low", "high", "order_value", "is_visible", "is_mismatch"]
DERIVED += ["rank", "rank_low", "rank_high", "parameters", "multiply_adds", "published_on", "has_extra_data"]


@transaction.atomic
def refresh_benchmark(benchmark: Benchmark) -> None:
    """Derive the whole board anew."""
    lock(benchmark)
    metrics = list(benchmark.metrics.all())
    entries = Entry.objects.filter(benchmark=benchmark).select_related("model__paper")
    refresh_entries(list(entries), benchmark, metrics)
    rerank(benchmark, metrics)
    note_facts(benchmark, is_linted=True)


@transaction.atomic
def refresh_entry(entry: Entry) -> None:
    """Derive one entry anew, and the ranks of its board. Costs the same whatever stands there as a claim only."""
    benchmark = entry.benchmark
    lock(benchmark)
    metrics = list(heads.benchmark_metrics(benchmark))
    before = read_share(entry, metrics)
    refresh_entries([entry], benchmark, metrics)
    rerank(benchmark, metrics)
    facts = BoardFacts.objects.filter(benchmark=benchmark).defer("findings").first()
    if facts is None or facts.entries <= BoardFacts.SMALL:
        note_facts(benchmark)
    else:
        shift_facts(facts, entry, before, read_share(entry, metrics))


def read_share(entry: Entry, metrics: Sequence[Metric]) -> Counts:
    """Return what one entry adds to the counts of its board."""
    found = Standing.objects.filter(entry=entry, metric__in=metrics[:1], is_visible=True)
    row = found.values_list("verified", "is_mismatch").first()
    return Counts(1, int(row[0] is not None), int(row[1])) if row else Counts()


def shift_facts(facts: BoardFacts, entry: Entry, before: Counts, after: Counts) -> None:
    """Write down what one entry has changed, without looking at the others."""
    changes = {
        name: getattr(facts, name) + new - old for name, old, new in zip(Counts._fields, before, after, strict=True)
    }
    known = {*facts.frameworks, *entry.weights.values_list("framework", flat=True)}
    has_links = facts.has_links or has_linked(Entry.objects.filter(pk=entry.pk))
    store_facts(facts.benchmark, changes | {"frameworks": sorted(filter(None, known)), "has_links": has_links})


def note_facts(benchmark: Benchmark, *, is_linted: bool = False) -> BoardFacts:
    """Write down what the board's page says of the whole board. Large boards are linted as a whole only."""
    visible = Standing.objects.filter(benchmark=benchmark, is_visible=True).ranking()
    counts = visible.aggregate(
        entries=Count("pk"),
        verified=Count("verified"),
        mismatch=Count("pk", filter=Q(is_mismatch=True)),
    )
    links = Entry.weights.through.objects.filter(entry__benchmark=benchmark, entry__is_hidden=False)
    frameworks = links.values_list("weights__framework", flat=True).distinct()
    values = counts | {"frameworks": sorted(framework for framework in frameworks if framework)}
    values["has_links"] = has_linked(Entry.objects.filter(benchmark=benchmark, is_hidden=False))
    if is_linted or counts["entries"] <= BoardFacts.SMALL:
        values["findings"] = [describe(finding) for finding in find_findings(benchmark)]
    return store_facts(benchmark, values)


def has_linked(entries: QuerySet[Entry]) -> bool:
    """Tell whether any of them links to weights, a paper or code."""
    is_linked = Q(weights__url__gt="") | Q(model__paper__url__gt="") | ~Q(code_urls=[])
    return entries.filter(is_linked).exists()


def store_facts(benchmark: Benchmark, values: dict[str, object]) -> BoardFacts:
    """Store the facts under a new version, which everything that was made from the old one makes way for."""
    # What else was written past the services is still to be derived.
    is_stale = Entry.objects.filter(benchmark=benchmark, is_stale=True).exists()
    values = values | {"version": time.time_ns(), "is_stale": is_stale}
    facts, _ = BoardFacts.objects.update_or_create(benchmark=benchmark, defaults=values)
    forget(benchmark.slug)
    # Once more when others can see it: a reader in between has learned the old version.
    transaction.on_commit(lambda: forget(benchmark.slug))
    return facts


def lock(benchmark: Benchmark) -> None:
    """Let one publication at a time rank a board; SQLite has one writer anyway."""
    Benchmark.objects.select_for_update().filter(pk=benchmark.pk).first()


def refresh_entries(entries: list[Entry], benchmark: Benchmark, metrics: list[Metric]) -> None:
    known = collect_known([entry.pk for entry in entries])
    standings: list[Standing] = []
    for entry in entries:
        settle(entry, known[entry.pk], benchmark, metrics)
        entry.is_stale = False
        standings += (build_standing(entry, known[entry.pk], metric) for metric in metrics)
    Entry.objects.bulk_update(entries, ["status", "verdict", "verified_at", "is_stale"], batch_size=BATCH)
    Standing.objects.bulk_create(
        standings,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["entry", "metric"],
        update_fields=DERIVED,
    )


def rerank(benchmark: Benchmark, metrics: Iterable[Metric]) -> None:
    """Write ranks, rank intervals and the best k of every metric of the board."""
    verified: dict[Metric, list[Ranked]] = {}
    for metric in metrics:
        visible = Standing.objects.filter(benchmark=benchmark, metric=metric, is_visible=True)
        # Plain tuples: ten thousand rows as objects would take a second.
        rows = visible.filter(verified__isnull=False).values_list(*Ranked._fields)
        verified[metric] = [Ranked(*row) for row in rows]
        mark_best(visible.filter(order_value__gt=Standing.MISSING), benchmark.highlight_count)
    for (metric, standings), paired in zip(verified.items(), compare_all(verified), strict=True):
        rank_verified(standings, metric, paired)


class Ranked(NamedTuple):
    """A verified standing as far as ranks need it."""

    pk: int
    entry_id: int
    verified: float
    low: float
    high: float
    rank: int | None
    rank_low: int | None
    rank_high: int | None


def rank_verified(standings: Sequence[Ranked], metric: Metric, paired: Mapping[int, RankInterval]) -> None:
    """Store what has changed. `paired`: the rank intervals of those that were compared by their outcomes, by place."""
    ranks = rank([standing.verified for standing in standings], direction=metric.direction)
    intervals = [(standing.low, standing.high) for standing in standings]
    spans = rank_intervals_from_intervals(intervals, direction=metric.direction, paired=paired)
    write_ranks(
        [
            (row.pk, place, *span)
            for row, place, span in zip(standings, ranks, spans, strict=True)
            if (row.rank, row.rank_low, row.rank_high) != (place, *span)
        ]
    )


def write_ranks(changed: Sequence[tuple[int | None, ...]]) -> None:
    """Store (standing, rank, best and worst rank) in one statement; a new leader moves every row below it."""
    if not changed:
        return
    rows = (
        "json_to_recordset(%s) AS new(pk bigint, place int, low int, high int)"
        if connection.vendor == "postgresql"
        else "(SELECT value ->> 'pk' AS pk, value ->> 'place' AS place, value ->> 'low' AS low,"
        " value ->> 'high' AS high FROM json_each(%s)) AS new"
    )
    document = json.dumps([dict(zip(("pk", "place", "low", "high"), row, strict=True)) for row in changed])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE leaderboard_standing SET rank = new.place, rank_low = new.low, rank_high = new.high"
            f" FROM {rows} WHERE leaderboard_standing.id = new.pk",
            [document],
        )


def compare_all(verified: Mapping[Metric, Sequence[Ranked]]) -> list[dict[int, RankInterval]]:
    """Return of each metric the rank intervals from paired tests, by place, where outcomes can be compared."""
    few = [rows for rows in verified.values() if 1 < len(rows) <= PAIRED_AT_ALL]
    # Read once for all metrics: of a thousand entries they are megabytes.
    known = read_outcomes({row.entry_id for rows in few for row in rows}) if few else {}
    chosen = [
        choose_outcomes([row.entry_id for row in rows], metric.key, known) if len(rows) <= PAIRED_AT_ALL else {}
        for metric, rows in verified.items()
    ]
    intervals = find_intervals([list(outcomes.values()) for outcomes in chosen])
    return [dict(zip(outcomes, spans, strict=False)) for outcomes, spans in zip(chosen, intervals, strict=True)]


def find_intervals(boards: Sequence[list[str]]) -> list[Sequence[RankInterval]]:
    """Return rank intervals of each board from the tests of all pairs; none where nobody here can test so many."""
    large = [outcomes for outcomes in boards if len(outcomes) > PAIRED_HERE]
    answers = iter(find_rank_intervals(large))
    found: list[Sequence[RankInterval]] = []
    for outcomes in boards:
        spans = next(answers) if len(outcomes) > PAIRED_HERE else None
        if spans is not None:
            found.append([RankInterval(*span) for span in spans])
        elif len(outcomes) <= PAIRED_WITHOUT_ENGINE:
            found.append(rank_intervals_from_outcomes([unpack(each) for each in outcomes]))
        else:
            found.append(())
    return found


def mark_best(standings: QuerySet[Standing], count: int) -> None:
    """Mark the best `count` scores, ties with the last of them included."""
    top = list(standings.order_by("-order_value").values_list("order_value", flat=True)[:count])
    is_best = Q(order_value__gte=top[-1]) if top else Q(pk__in=[])
    standings.filter(is_best, is_best=False).update(is_best=True)
    standings.filter(~is_best, is_best=True).update(is_best=False)
