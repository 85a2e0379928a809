"""What the page of a finished submission shows: its scores, where it fails, how it was run, and how to run it again."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from evaluation import catalogue
from leaderboard import charts
from leaderboard.figures import write_score
from leaderboard.models import BoardFacts, Result, Score, Standing, Submission
from leaderboard.queries import BoardRow, compare_entries, read_rows, show_samples
from leaderboard.sentences import gap
from leaderboard.tables.bibtex import write_result

NEIGHBOURS = 2
PAIRS_SHOWN, MISTAKES_SHOWN = 12, 12


def read_outcome(submission: Submission) -> dict[str, object]:
    """Return the result with its scores beside the claims, its analysis drawn, and its neighbours on the board."""
    results = Result.objects.filter(run__submission=submission).select_related("entry__model", "run")
    result = results.prefetch_related("scores__metric").order_by("-created_at").first()
    if result is None:
        return {"result": None}
    scores = order_scores(submission, result)
    standings = result.entry.standings.filter(metric=scores[0].metric).select_related("metric") if scores else None
    standing = standings.first() if standings is not None else None
    return {
        "result": result,
        # What is off the board is neither cited nor worn as a badge.
        "is_withdrawn": result.retracted_at is not None or result.entry.is_hidden,
        "scores": [
            {"score": score, "claim": submission.claims.get(score.metric.key), "metric": score.metric}
            for score in scores
        ],
        "standing": standing,
        "neighbours": read_neighbours(standing) if standing else (),
        "report": result.report,
        "timings": charts.draw_timings(result.report.get("timing", {}).get("seconds", {})),
        "command": write_command(submission, result),
        "base_url": settings.BASE_URL,
        "summary": summarise(submission, scores, standing),
        "card": BoardFacts.objects.filter(benchmark=submission.benchmark).exclude(card="").exists(),
        "bibtex": write_bibtex(submission, result, scores),
        **draw_analysis(result.report.get("analysis", {})),
        "mistakes": read_mistakes(submission, result),
    }


def order_scores(submission: Submission, result: Result) -> list[Score]:
    """Return the scores in the benchmark's order, the ranking one first."""
    order = dict(submission.benchmark.benchmark_metrics.values_list("metric_id", "position"))
    return sorted(result.scores.all(), key=lambda score: order.get(score.metric_id, len(order)))


def draw_analysis(analysis: Mapping[str, Any]) -> dict[str, object]:
    bars = charts.draw_classes(analysis)
    classes = analysis.get("per_class") or analysis.get("average_precision") or []
    return {
        "per_class": bars,
        "classes": len(classes),
        "half": len(bars) // 2,
        "classes_left": len(classes) - len(bars),
        "is_multilabel": "average_precision" in analysis,
        "confusion": charts.draw_confusion(analysis),
        "confused": analysis.get("confused", [])[:PAIRS_SHOWN],
        "calibration_error": analysis.get("calibration_error"),
    }


@dataclass(frozen=True)
class Mistake:
    """A sample that was taken for something else, how surely, and its small image where pages may show it."""

    place: int
    true: str
    predicted: str
    percent: float
    url: str


def read_mistakes(submission: Submission, result: Result) -> tuple[Mistake, ...]:
    """Return the wrong predictions that were surest."""
    found = result.report.get("analysis", {}).get("mistakes", [])[:MISTAKES_SHOWN]
    split = submission.benchmark.split
    # Of a dataset that was registered anew the places are other images'.
    is_same = result.report["dataset"].get("digest") == split.digest
    samples = show_samples(split, [each["sample"] for each in found]) if is_same else ()
    urls = {sample.place: sample.url for sample in samples}
    return tuple(
        Mistake(
            each["sample"], each["true"], each["predicted"], 100 * each["probability"], urls.get(each["sample"], "")
        )
        for each in found
    )


def summarise(submission: Submission, scores: list[Score], standing: Standing | None) -> str:
    """Return the sentence that a link to the page is shown with."""
    if not scores:
        return ""
    first = scores[0]
    facts = {"label": first.metric.label, "value": write_score(first.value), "low": write_score(first.low)}
    facts |= {"high": write_score(first.high), "board": str(submission.benchmark.split)}
    parts = [_("%(label)s %(value)s (%(low)s – %(high)s), verified on %(board)s.") % facts]
    if standing is not None and standing.claimed is not None:
        parts.append(_("The claim was %(claim)s.") % {"claim": write_score(standing.claimed)})
    if standing is not None and standing.rank:
        parts.append(_("Rank %(rank)s.") % {"rank": standing.rank})
    return gap().join(parts)


def write_bibtex(submission: Submission, result: Result, scores: list[Score]) -> str:
    """Return the result as one cites it, in English whoever reads the page."""
    values = ", ".join(f"{score.metric.label} {write_score(score.value)}" for score in scores)
    with override("en"):
        board = str(submission.benchmark)
    return write_result(
        key=f"veriboard-{submission.short_id}",
        title=f"{submission.model_name} on {board}: {values}",
        published_on=result.created_at.date(),
        url=f"{settings.BASE_URL}{submission.get_absolute_url()}",
        note=f"verified score; weights sha256 {result.report['weights']['sha256']}",
    )


def write_command(submission: Submission, result: Result) -> str:
    """Return the command line that repeats the evaluation at home."""
    weights, protocol = result.report["weights"], result.report["protocol"]
    command = ["python -m evaluation.engine evaluate", f"--dataset {submission.benchmark.split.dataset.slug}/"]
    command += [f"--weights {shlex.quote(submission.weights_name or 'weights')}"]
    # A graph that was sent with an architecture's name is evaluated as it is.
    is_known = bool(submission.architecture) and weights["format"] != "onnx"
    command += [f"--architecture {weights['architecture']}"] if is_known else []
    command += write_options(protocol, weights["architecture"])
    command += ["--background first"] if submission.background == "first" else []
    return " \\\n    ".join(command)


def write_options(protocol: dict[str, Any], architecture: str) -> list[str]:
    """Return the options that say the whole protocol, whatever the architecture's published one is."""
    options = [f"--{name} {protocol.get(name) or 'none'}" for name in ("resize", "crop")]
    options += [f"--interpolation {protocol['interpolation']}"] if protocol.get("resize") else []
    # Every digit counts: another mean is another input.
    options += [f"--{name} {','.join(map(repr, protocol[name]))}" for name in ("mean", "std") if protocol.get(name)]
    # Reports from before there were other modes do not name theirs.
    mode, published = protocol.get("crop_mode", "center"), catalogue.find(architecture)
    is_told = mode != "center" or (published is not None and published.protocol.crop_mode != "center")
    return [*options, f"--crop-mode {mode}"] if is_told else options


def read_neighbours(standing: Standing) -> list[dict[str, object]]:
    """Return the rows around this one on its board, each with the paired test against it where there is one."""
    rows = find_neighbours(standing)
    tests = compare_entries(standing.entry_id, [row.entry_id for row in rows], standing.metric.key)
    return [{"row": row, "test": tests.get(row.entry_id)} for row in rows]


def find_neighbours(standing: Standing) -> tuple[BoardRow, ...]:
    around = Standing.objects.filter(benchmark_id=standing.benchmark_id, metric_id=standing.metric_id, is_visible=True)
    around = around.filter(verified__isnull=False).exclude(entry_id=standing.entry_id)
    better = around.filter(order_value__gte=standing.order_value).order_by("order_value", "-entry_id")[:NEIGHBOURS]
    worse = around.filter(order_value__lt=standing.order_value).order_by("-order_value", "entry_id")[:NEIGHBOURS]
    ids = [each.pk for each in better] + [each.pk for each in worse]
    return read_rows(Standing.objects.filter(pk__in=ids).order_by("-order_value", "entry_id"))
