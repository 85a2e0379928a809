"""Claim lint: what in a table of claims cannot be true, or hardly. Pure."""

import re
from collections.abc import Callable, Iterator

from leaderboard.claims.identity_rules import (
    find_code_as_weights,
    find_odd_suffixes,
    find_repeated_rows,
    find_shared_weights,
)
from leaderboard.claims.order_rules import find_lone_sorting, find_turned_correlation
from leaderboard.claims.table import ClaimTable, Finding, Severity
from leaderboard.claims.value_rules import (
    find_chance_level,
    find_impossible_digits,
    find_inverted_depths,
    find_unit_slips,
)

RULES: tuple[Callable[[ClaimTable], Iterator[Finding]], ...] = (
    find_lone_sorting,
    find_turned_correlation,
    find_inverted_depths,
    find_unit_slips,
    find_chance_level,
    find_impossible_digits,
    find_repeated_rows,
    find_shared_weights,
    find_code_as_weights,
    find_odd_suffixes,
)
ORDER = tuple(Severity)
PROPORTION = re.compile(r"^(top-?\d+|acc(uracy)?|.*-accuracy|accuracy-.*)$")


def lint(table: ClaimTable) -> tuple[Finding, ...]:
    """Return all findings, the gravest first."""
    found = [finding for rule in RULES for finding in rule(table)]
    return tuple(sorted(found, key=lambda finding: ORDER.index(finding.severity)))


def is_proportion(metric_key: str) -> bool:
    """Tell whether a metric of this key counts right answers, by the keys that this field uses."""
    return PROPORTION.match(metric_key) is not None
