"""Numbers and days on axes: round ticks, and where a value stands."""

import datetime as dt
import math
from dataclasses import dataclass

MOST_TICKS = 7


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` on pixels from `begin` to `end`."""

    low: float
    high: float
    begin: float
    end: float

    def place(self, value: float) -> float:
        share = 0.5 if self.high <= self.low else (value - self.low) / (self.high - self.low)
        return round(self.begin + share * (self.end - self.begin), 1)


@dataclass(frozen=True)
class Span:
    """The part of an axis that a chart shows, with its ticks and their texts."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


def choose_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return round numbers from at most `low` to at least `high`, about `count` of them."""
    span = max(high - low, 1e-9)
    step = 10 ** math.floor(math.log10(span / count))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= count)
    first = math.floor(low / step)
    last = math.ceil(high / step)
    return [round(step * each, 10) for each in range(first, last + 1)]


def span_decades(low: float, high: float) -> Span:
    """Return the span of counts on a logarithmic axis; its values are powers of ten."""
    begin, end = math.log10(low) - 0.1, math.log10(high) + 0.1
    marks = [factor * 10.0**power for power in range(-2, 16) for factor in (1, 2, 5)]
    shown = [mark for mark in marks if begin <= math.log10(mark) <= end]
    if len(shown) > MOST_TICKS:
        shown = [mark for mark in shown if math.log10(mark).is_integer()]
    return Span(begin, end, tuple((math.log10(mark), name_count(mark)) for mark in shown))


def span_days(first: dt.date, last: dt.date) -> Span:
    """Return the span of days with a tick at the begin of years, of months, or at single days."""
    days = (last - first).days
    if days > 700:
        return span_years(first.year, last.year + 1)
    if days > 60:
        return span_months(first, last)
    step = -(-(days + 1) // MOST_TICKS)
    ticks = [first + dt.timedelta(days=offset) for offset in range(0, days + 1, step)]
    pad = max(1, days // 20)
    texts = tuple((float(day.toordinal()), f"{day:%m-%d}") for day in ticks)
    return Span(first.toordinal() - pad, last.toordinal() + pad, texts)


def span_years(first: int, last: int) -> Span:
    step = -(-(last - first + 1) // (MOST_TICKS + 1))
    days = [(float(dt.date(year, 1, 1).toordinal()), str(year)) for year in range(first, last + 1, step)]
    return Span(days[0][0], float(dt.date(last, 1, 1).toordinal()), tuple(days))


def span_months(first: dt.date, last: dt.date) -> Span:
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month + 1)
    days = [dt.date(number // 12, number % 12 + 1, 1) for number in numbers]
    step = -(-len(days) // MOST_TICKS)
    texts = tuple((float(day.toordinal()), f"{day:%Y-%m}") for day in days[::step])
    return Span(float(days[0].toordinal()), float(days[-1].toordinal()), texts)


def name_count(count: float) -> str:
    """Return a number of parameters such as 25.6 M."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f}"
