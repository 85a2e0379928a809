"""Small images of a dataset's samples for pages to show: encoded anew, so that they hold nothing but the picture."""

import itertools
from pathlib import Path

from evaluation.engine.dataset import Dataset
from evaluation.engine.preprocessing import decode

# The longer side in pixels; what is smaller stays as it is.
SIDE = 96
QUALITY = 78


def write_thumbnails(dataset: Dataset, folder: Path) -> None:
    """Write `folder/<place in the dataset>.webp` for each sample."""
    places = {sample.path: place for place, sample in enumerate(dataset.samples)}
    for sample, data in dataset.read_images():
        image = decode(data, sample.path)
        image.thumbnail((SIDE, SIDE))
        image.save(folder / f"{places[sample.path]}.webp", quality=QUALITY)


def count_classes(dataset: Dataset) -> list[int]:
    """Return how many samples each class has, in whose order they stand; empty where samples have several labels."""
    labels = [sample.label for sample in dataset.samples if isinstance(sample.label, int)]
    if len(labels) < len(dataset.samples):
        return []
    sizes = {label: len(list(group)) for label, group in itertools.groupby(labels)}
    return [sizes.get(label, 0) for label in range(len(dataset.class_names))]
