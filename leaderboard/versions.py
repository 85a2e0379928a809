"""Which version of a board is the present one, remembered for half a second in each process.

A repeated read is answered from it without a look into the database. What a process itself writes it forgets at once;
what another one writes shows half a second later at most.
"""

import time

from django.db import connection

from leaderboard.models import BoardFacts

KEPT_SECONDS = 0.5
# By the board's slug: until when, and the version.
_known: dict[str, tuple[float, int]] = {}
MOST_BOARDS = 10_000
# Written out, as it is the one query of most readers, and the ORM takes eight times as long to build it as to run it.
VERSION = """
SELECT facts.version FROM leaderboard_boardfacts AS facts
JOIN leaderboard_benchmark AS benchmark ON benchmark.id = facts.benchmark_id
WHERE benchmark.slug = %s AND (NOT facts.is_stale OR facts.entries > %s)
"""


def read_version(slug: str) -> int | None:
    """Return the board's version; None where there is no such board, or its reader has to derive it first."""
    known = _known.get(slug)
    now = time.monotonic()
    if known and known[0] > now:
        return known[1]
    with connection.cursor() as cursor:
        cursor.execute(VERSION, [slug, BoardFacts.SMALL])
        found = cursor.fetchone()
    version = int(found[0]) if found else None
    if version is not None and len(_known) < MOST_BOARDS:
        _known[slug] = (now + KEPT_SECONDS, version)
    return version


def forget(slug: str = "") -> None:
    """Forget the board's version, or all of them."""
    if slug:
        _known.pop(slug, None)
    else:
        _known.clear()
