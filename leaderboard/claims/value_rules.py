"""Claim lint: figures that cannot be. Pure."""

import math
import re
from collections.abc import Iterator
from fractions import Fraction
from statistics import median

from leaderboard.claims.order_rules import FAMILY, list_families
from leaderboard.claims.table import (
    Action,
    Change,
    ClaimRow,
    ClaimTable,
    Finding,
    MetricRule,
    Severity,
    StatedScore,
    gettext_noop,
)

PERCENT = "%"
# A column of percents has a median well above this, one of fractions below 1.
LOWEST_PERCENT_MEDIAN = 5.0
CHANCE_DEVIATIONS = 3.0
CHANCE_FACTOR = 1.5
PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:\.(?P<decimals>\d+))?")


def find_inverted_depths(table: ClaimTable) -> Iterator[Finding]:
    """Find rows whose Acc@1 is above their Acc@5."""
    for shallow, deep in list_families(table):
        if shallow.direction == "lower":
            shallow, deep = deep, shallow
        for row in table.rows:
            first, second = row.scores.get(shallow.key), row.scores.get(deep.key)
            if first and second and first.value > second.value:
                yield Finding(
                    rule="depths_inverted",
                    severity=Severity.ERROR,
                    rows=(row.key,),
                    sentence=gettext_noop(
                        "%(shallow)s %(first)s of %(name)s is above its %(deep)s %(second)s, which counts every one of "
                        "those samples too."
                    ),
                    parameters={
                        "shallow": shallow.label,
                        "deep": deep.label,
                        "first": first.text,
                        "second": second.text,
                        "name": row.name,
                    },
                    repair=(
                        Change(Action.REPLACE_SCORE, row.key, shallow.key, first.text, second.text),
                        Change(Action.REPLACE_SCORE, row.key, deep.key, second.text, first.text),
                    ),
                )


def find_unit_slips(table: ClaimTable) -> Iterator[Finding]:
    """Find fractions in a column of percents, and percents in a column of fractions."""
    for metric in table.metrics:
        column = table.column(metric.key)
        if not metric.is_proportion or not column:
            continue
        middle = median(score.value for _, score in column)
        if metric.unit == PERCENT and 0 < middle <= 1 and max(score.value for _, score in column) <= 1:
            yield describe_fraction_column(metric, column)
            continue
        # A score of chance level, such as 0.1 of a thousand classes, is no fraction: it would be far below all others.
        least = min((score.value for _, score in column if score.value > 1), default=0.0) / 2
        is_percent = metric.unit == PERCENT or middle > LOWEST_PERCENT_MEDIAN
        for row, score in column:
            if is_percent and 0 < score.value < 1 and 100 * score.value >= least:
                yield describe_slip(metric, row, score, shift_point(score.text, 2))
            elif not is_percent and middle <= 1 < score.value <= 100:
                yield describe_slip(metric, row, score, shift_point(score.text, -2))


def shift_point(text: str, places: int) -> str:
    """Return the digits with their decimal point moved: "0.8043" by 2 is "80.43"."""
    if not PLAIN_NUMBER.fullmatch(text):
        return ""
    value = Fraction(text) * Fraction(10) ** places
    return f"{float(value):.{max(count_decimals(text) - places, 0)}f}"


def describe_slip(metric: MetricRule, row: ClaimRow, score: StatedScore, meant: str) -> Finding:
    return Finding(
        rule="unit_slip",
        severity=Severity.WARNING,
        rows=(row.key,),
        sentence=gettext_noop("%(metric)s %(text)s of %(name)s stands in the wrong unit; %(meant)s is meant."),
        parameters={"metric": metric.label, "text": score.text, "name": row.name, "meant": meant},
        repair=(Change(Action.REPLACE_SCORE, row.key, metric.key, score.text, meant),) if meant else (),
    )


def describe_fraction_column(metric: MetricRule, column: list[tuple[ClaimRow, StatedScore]]) -> Finding:
    moved = ((row, score, shift_point(score.text, 2)) for row, score in column)
    return Finding(
        rule="fractions_as_percents",
        severity=Severity.WARNING,
        rows=tuple(row.key for row, _ in column),
        sentence=gettext_noop("All of %(metric)s lies between 0 and 1, but its unit is percent."),
        parameters={"metric": metric.label},
        repair=tuple(
            Change(Action.REPLACE_SCORE, row.key, metric.key, score.text, meant) for row, score, meant in moved if meant
        ),
    )


def find_chance_level(table: ClaimTable) -> Iterator[Finding]:
    """Find scores that guessing would reach."""
    if not table.classes or table.classes < 2:
        return
    for metric in table.metrics:
        family = FAMILY.match(metric.key)
        if not metric.is_proportion or metric.unit != PERCENT or metric.direction == "lower" or family is None:
            continue
        chance = min(1.0, int(family["depth"]) / table.classes)
        bound = 100 * bound_chance(chance, table.samples)
        for row, score in table.column(metric.key):
            # At 50 % and more of chance, as top-5 of 10 classes, a good score and a guess are not told apart so simply.
            if chance < 0.5 and score.value <= bound:
                yield Finding(
                    rule="chance_level",
                    severity=Severity.WARNING,
                    rows=(row.key,),
                    sentence=gettext_noop(
                        "%(metric)s %(text)s of %(name)s is what guessing among %(classes)d classes reaches."
                    ),
                    parameters={
                        "metric": metric.label,
                        "text": score.text,
                        "name": row.name,
                        "classes": table.classes,
                    },
                )


def bound_chance(chance: float, samples: int | None) -> float:
    """Return the fraction that guessing hardly exceeds."""
    if not samples:
        return chance * CHANCE_FACTOR
    return chance + CHANCE_DEVIATIONS * math.sqrt(chance * (1 - chance) / samples)


def find_impossible_digits(table: ClaimTable) -> Iterator[Finding]:
    """Find proportions that no whole number of right samples gives.

    Source: N. J. L. Brown, J. A. J. Heathers, The GRIM test, 2017.
    """
    if not table.samples:
        return
    for metric in table.metrics:
        if not metric.is_proportion:
            continue
        for row, score in table.column(metric.key):
            # What may be a fraction is judged as one too; that it stands among percents is another finding.
            wholes = (
                (100, 1) if metric.unit == PERCENT and score.value <= 1 else (100,) if metric.unit == PERCENT else (1,)
            )
            if not any(is_possible(score.text, table.samples, whole) for whole in wholes):
                yield Finding(
                    rule="impossible_digits",
                    severity=Severity.NOTE,
                    rows=(row.key,),
                    sentence=gettext_noop(
                        "%(metric)s %(text)s of %(name)s is no whole number of right answers among %(samples)d "
                        "samples; other samples, other rounding or another way of averaging lies behind it."
                    ),
                    parameters={
                        "metric": metric.label,
                        "text": score.text,
                        "name": row.name,
                        "samples": table.samples,
                    },
                )


def is_possible(text: str, samples: int, whole: int) -> bool:
    """Tell whether some count of `samples`, as a share of `whole`, rounds or is cut to these digits."""
    if not PLAIN_NUMBER.fullmatch(text):
        return True
    value, step = Fraction(text), Fraction(1, 10 ** count_decimals(text))
    fewest = math.ceil((value - step / 2) * samples / whole)
    # Rounded figures reach half a step up, cut ones nearly a whole step.
    return fewest * Fraction(whole, samples) < value + step


def count_decimals(text: str) -> int:
    match = PLAIN_NUMBER.fullmatch(text)
    return len(match["decimals"] or "") if match else 0
