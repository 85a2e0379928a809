"""Outcomes of many models on the same samples, stored as workers leave them: what paired tests of a board read."""

import datetime as dt
from collections.abc import Iterator

import numpy as np

from evaluation.paired import pack
from leaderboard.models import Benchmark, Entry, Result, Run, Submission
from portal.accounts.models import User

SAMPLES = 50_000
KEYS = ("top1", "top5")
DIGEST = "sha256:" + "0" * 64


def draw_outcomes(models: int) -> Iterator[dict[str, str]]:
    """Yield packed outcomes by metric, of models that find the same samples hard and get 60 to 85 % of them right."""
    random = np.random.default_rng(0)
    hardness = random.random(SAMPLES)
    for skill in np.linspace(0.6, 0.85, models):
        felt = hardness + 0.1 * random.standard_normal(SAMPLES)
        yield {key: pack(felt < skill + ease) for key, ease in zip(KEYS, (0, 0.1), strict=True)}


def store_outcomes(benchmark: Benchmark, owner: User, at: dt.datetime) -> int:
    """Give each verified entry of the board a result with outcomes, and return how many there are."""
    entries = list(Entry.objects.filter(benchmark=benchmark, verified_at__isnull=False).order_by("pk"))
    weights = dict(Entry.weights.through.objects.filter(entry__in=entries).values_list("entry_id", "weights_id"))
    facts = {"benchmark": benchmark, "submitter": owner, "model_name": "Bench", "state": "verified"}
    submissions = [Submission(**facts, entry=each, weights_url=f"https://example.org/{each.pk}") for each in entries]
    runs = [Run(submission=each, state="verified", queued_at=at, finished_at=at) for each in submissions]
    results = [
        Result(
            run=run,
            entry=entry,
            weights_id=weights[entry.pk],
            report={"dataset": {"digest": DIGEST}},
            outcomes=outcomes,
            created_at=at,
        )
        for run, entry, outcomes in zip(runs, entries, draw_outcomes(len(entries)), strict=True)
    ]
    Submission.objects.bulk_create(submissions)
    Run.objects.bulk_create(runs)
    Result.objects.bulk_create(results, batch_size=50)
    return len(entries)
