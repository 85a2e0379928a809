"""Find what a command's argument names, or say what is near it."""

import difflib
from collections.abc import Iterable

from django.core.management.base import CommandError

from leaderboard.models import Benchmark


def find_benchmark(slug: str) -> Benchmark:
    """Raises: CommandError that proposes the nearest benchmarks."""
    found = Benchmark.objects.select_related("task", "split__dataset", "protocol").filter(slug=slug).first()
    if found is None:
        raise CommandError(describe_missing("benchmark", slug, Benchmark.objects.values_list("slug", flat=True)))
    return found


def describe_missing(kind: str, name: str, known: Iterable[str]) -> str:
    """Return one sentence with the three nearest names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names[:3]
    return f"There is no {kind} {name!r}; the nearest are: {', '.join(near) or 'none yet'}."
