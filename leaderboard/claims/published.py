"""Scores as their authors published them, by which a column that lost its rows can be put back. Pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from leaderboard.claims.table import Action, Change, ClaimRow

# Tables round to two or three decimals; within this two figures are the same one.
SAME = 0.005


class PublishedScores(NamedTuple):
    """What the makers or porters of a model state, single model, single crop, on ImageNet's validation images."""

    model: str
    scores: dict[str, str]
    source: str


CADENE = "github.com/Cadene/pretrained-models.pytorch, README"
SLIM = "github.com/tensorflow/models, research/slim/README"
DENSENET = "arXiv:1608.06993, table 3"

PUBLISHED = (
    PublishedScores("DenseNet-121", {"top1": "74.98", "top5": "92.29"}, DENSENET),
    PublishedScores("DenseNet-169", {"top1": "76.20", "top5": "93.15"}, DENSENET),
    PublishedScores("DenseNet-201", {"top1": "77.42", "top5": "93.66"}, DENSENET),
    PublishedScores("DenseNet-161", {"top1": "77.560", "top5": "93.798"}, CADENE),
    PublishedScores("Inception-v1", {"top1": "69.8", "top5": "89.6"}, SLIM),
    PublishedScores("Inception-v2", {"top1": "73.9", "top5": "91.8"}, SLIM),
    PublishedScores("Inception-v3", {"top1": "78.0", "top5": "93.9"}, SLIM),
    PublishedScores("Inception-v4", {"top1": "80.2", "top5": "95.2"}, SLIM),
    PublishedScores("Inception-v4", {"top1": "80.062", "top5": "94.926"}, CADENE),
    PublishedScores("Inception-ResNet-v2", {"top1": "80.4", "top5": "95.3"}, SLIM),
    PublishedScores("Inception-ResNet-v2", {"top1": "80.170", "top5": "95.234"}, CADENE),
    PublishedScores("NASNet-A-Large", {"top1": "82.693", "top5": "96.163"}, CADENE),
    PublishedScores("NASNet-A-Large", {"top1": "82.566", "top5": "96.086"}, CADENE),
    PublishedScores("PNASNet-5-Large", {"top1": "82.858", "top5": "96.182"}, CADENE),
    PublishedScores("PNASNet-5-Large", {"top1": "82.736", "top5": "95.992"}, CADENE),
    PublishedScores("SENet154", {"top1": "81.32", "top5": "95.53"}, CADENE),
    PublishedScores("SENet154", {"top1": "81.304", "top5": "95.498"}, CADENE),
    PublishedScores("FBResNet-152", {"top1": "77.386", "top5": "93.594"}, CADENE),
    PublishedScores("Xception", {"top1": "78.888", "top5": "94.292"}, CADENE),
    PublishedScores("ResNet-101", {"top1": "77.438", "top5": "93.672"}, CADENE),
)


def restore_column(rows: Sequence[ClaimRow], metric: str, other: str) -> tuple[Change, ...]:
    """Return how to give each row its own figure back, by the other metric that it kept.

    A row whose model and kept score are published together gets the figure that stands with them; where the column
    itself still holds that figure, in the column's digits. A row of which nothing is published loses the claim.
    """
    digits = [row.scores[metric].text for row in rows]
    changes = (propose(row, metric, other, digits) for row in rows if metric in row.scores)
    return tuple(change for change in changes if change is not None)


def propose(row: ClaimRow, metric: str, other: str, digits: Sequence[str]) -> Change | None:
    """Return the row's change, None where it has its own figure already."""
    before = row.scores[metric].text
    published = find_published(row, metric, other)
    if published is None:
        return Change(Action.DROP_SCORE, row.key, metric, before)
    stated = published.scores[metric]
    after = next((text for text in digits if abs(float(text) - float(stated)) <= SAME), stated)
    if after == before:
        return None
    return Change(Action.REPLACE_SCORE, row.key, metric, before, after, published.source)


def find_published(row: ClaimRow, metric: str, other: str) -> PublishedScores | None:
    """Return the published scores of the row's model that hold its kept score."""
    kept = row.scores.get(other)
    if kept is None:
        return None
    name = simplify(row.name)
    return next(
        (
            known
            for known in PUBLISHED
            if simplify(known.model) == name and metric in known.scores and other in known.scores
            if abs(float(known.scores[other]) - kept.value) <= SAME
        ),
        None,
    )


def simplify(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
