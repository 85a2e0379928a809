"""Small images of a dataset's samples, with the class that each belongs to."""

import bisect
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from leaderboard.models import Split

# A sheet shows some samples of each class where the classes are few, else samples from all over the dataset.
CLASSES_APART, EACH, SPREAD = 12, 18, 80


@dataclass(frozen=True)
class Sample:
    """One sample: its place in the dataset, its small image's address, and its class where it has one only."""

    place: int
    url: str
    class_name: str = ""


def has_samples(split: Split) -> bool:
    return split.dataset.shows_samples and split.thumbnails > 0


def show_samples(split: Split, places: Iterable[int]) -> tuple[Sample, ...]:
    """Return the samples at these places; none where pages may not show them."""
    if not has_samples(split):
        return ()
    ends = list(itertools.accumulate(split.class_counts))
    return tuple(
        Sample(
            place,
            reverse("sample", args=[split.dataset.slug, split.short_digest, place]),
            find_class(split, ends, place),
        )
        for place in places
        if 0 <= place < split.thumbnails
    )


def find_class(split: Split, ends: list[int], place: int) -> str:
    number = bisect.bisect_right(ends, place)
    return str(split.class_names[number]) if number < min(len(ends), len(split.class_names)) else ""


@dataclass(frozen=True)
class Strip:
    """Samples in a row: those of one class, or, without a name, from all over the dataset."""

    name: str
    count: int
    samples: tuple[Sample, ...]


def draw_sheet(split: Split) -> tuple[Strip, ...]:
    """Return what a page shows of the split's samples."""
    if not has_samples(split):
        return ()
    if 0 < len(split.class_counts) <= CLASSES_APART:
        starts = itertools.accumulate(split.class_counts, initial=0)
        return tuple(
            Strip(name, count, show_samples(split, range(start, start + min(count, EACH))))
            for name, count, start in zip(split.class_names, split.class_counts, starts, strict=False)
        )
    step = max(1, split.thumbnails // SPREAD)
    return (Strip("", split.thumbnails, show_samples(split, range(0, split.thumbnails, step)[:SPREAD])),)
