"""An Atom feed of each board: what was verified, latest first."""

import datetime as dt

from django.contrib.syndication.views import Feed
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext as _

from leaderboard.models import Benchmark, Standing
from leaderboard.queries import benchmark_metrics

ITEMS = 50


class BoardFeed(Feed):  # type: ignore[type-arg]
    """The latest verified scores of a benchmark, on its ranking metric."""

    feed_type = Atom1Feed

    def get_object(self, request: HttpRequest, slug: str) -> Benchmark:
        return get_object_or_404(Benchmark.objects.select_related("split__dataset", "protocol"), slug=slug)

    def title(self, benchmark: Benchmark) -> str:
        return f"Veriboard: {benchmark}"

    def link(self, benchmark: Benchmark) -> str:
        return benchmark.get_absolute_url()

    def subtitle(self, benchmark: Benchmark) -> str:
        return _("Verified scores, latest first")

    def items(self, benchmark: Benchmark) -> list[Standing]:
        metric = next(iter(benchmark_metrics(benchmark)), None)
        standings = Standing.objects.filter(benchmark=benchmark, metric=metric, is_visible=True, verified__isnull=False)
        related = ("entry__model", "metric", "benchmark")
        return list(standings.select_related(*related).order_by("-entry__verified_at", "-entry_id")[:ITEMS])

    def item_title(self, standing: Standing) -> str:
        value = f"{standing.verified:.{standing.metric.decimals}f}"
        return f"{standing.entry.model.name}: {standing.metric.label} {value}"

    def item_description(self, standing: Standing) -> str:
        text = _("95 %% interval %(low).3f – %(high).3f.") % {"low": standing.low, "high": standing.high}
        if standing.claimed is not None:
            text += " " + _("Claimed: %(claim)s.") % {"claim": standing.claimed_text or f"{standing.claimed:g}"}
        return text

    def item_link(self, standing: Standing) -> str:
        return f"{standing.benchmark.get_absolute_url()}#entry-{standing.entry_id}"

    def item_guid(self, standing: Standing) -> str:
        return f"entry-{standing.entry_id}-{standing.entry.verified_at:%Y%m%dT%H%M%S}"

    item_guid_is_permalink = False

    def item_updateddate(self, standing: Standing) -> dt.datetime | None:
        return standing.entry.verified_at

    def item_pubdate(self, standing: Standing) -> dt.datetime | None:
        return standing.entry.verified_at
