"""Atom feeds, latest first: what was verified on a board, and what came and went on all of them."""

import datetime as dt

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.feedgenerator import Atom1Feed, get_tag_uri
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboard.models import Benchmark, Entry, Standing
from leaderboard.queries import benchmark_metrics, read_changes
from leaderboard.queries.changes import Change
from leaderboard.sentences import gap
from leaderboard.templatetags.veriboard import score

ITEMS = 50
DAYS = 90
VERDICTS = {
    "match": gettext_noop("verified, matches its claim"),
    "below": gettext_noop("verified, below its claim"),
    "above": gettext_noop("verified, above its claim"),
    "none": gettext_noop("verified, nothing was claimed"),
    "retracted": gettext_noop("retracted"),
    # Its claim may have been another one.
    "earlier": gettext_noop("verified"),
}


def name_item(entry: Entry, kind: str, at: dt.datetime | None) -> str:
    """Return the address by which readers know an item again: Atom takes no other id, and it outlives the host's name.

    Source: RFC 4287, section 4.2.6, and RFC 4151.
    """
    return get_tag_uri(f"{settings.BASE_URL}{entry.get_absolute_url()}#{kind}-{at:%Y%m%dT%H%M%S}", at)


class BoardFeed(Feed):  # type: ignore[type-arg]
    """The latest verified scores of a benchmark, on its ranking metric."""

    feed_type = Atom1Feed
    # Atom wants an author of each feed or of all that is in it.
    author_name = "Veriboard"

    def get_object(self, request: HttpRequest, slug: str) -> Benchmark:
        return get_object_or_404(Benchmark.objects.select_related("split__dataset", "protocol"), slug=slug)

    def title(self, benchmark: Benchmark) -> str:
        return f"Veriboard{_(': ')}{benchmark}"

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
        value = score(standing.verified, standing.metric)
        return f"{standing.entry.model.name}{_(': ')}{standing.metric.label} {value}"

    def item_description(self, standing: Standing) -> str:
        text = _("95 %% interval %(low).3f – %(high).3f.") % {"low": standing.low, "high": standing.high}
        if standing.claimed is not None:
            text += gap() + _("Claimed: %(claim)s.") % {"claim": standing.claimed_text or f"{standing.claimed:g}"}
        return text

    def item_link(self, standing: Standing) -> str:
        return f"{standing.benchmark.get_absolute_url()}#entry-{standing.entry_id}"

    def item_guid(self, standing: Standing) -> str:
        return name_item(standing.entry, "verified", standing.entry.verified_at)

    item_guid_is_permalink = False

    def item_updateddate(self, standing: Standing) -> dt.datetime | None:
        return standing.entry.verified_at

    def item_pubdate(self, standing: Standing) -> dt.datetime | None:
        return standing.entry.verified_at


class ChangesFeed(Feed):  # type: ignore[type-arg]
    """What was verified and retracted lately, on all boards or on the one that the address names."""

    feed_type = Atom1Feed
    author_name = "Veriboard"
    item_guid_is_permalink = False

    def get_object(self, request: HttpRequest) -> Benchmark | None:
        slug = request.GET.get("benchmark", "")[:100].replace("\0", "")
        boards = Benchmark.objects.select_related("split__dataset", "protocol")
        return get_object_or_404(boards, slug=slug) if slug else None

    def title(self, benchmark: Benchmark | None) -> str:
        return f"Veriboard{_(': ')}{benchmark or _('What changed')}"

    def link(self, benchmark: Benchmark | None) -> str:
        return reverse("changes") + (f"?benchmark={benchmark.slug}" if benchmark else "")

    def subtitle(self, benchmark: Benchmark | None) -> str:
        return _("Verified and retracted, latest first")

    def items(self, benchmark: Benchmark | None) -> list[Change]:
        since = timezone.now() - dt.timedelta(days=DAYS)
        return list(read_changes(since, benchmark.slug if benchmark else "").lines[:ITEMS])

    def item_title(self, change: Change) -> str:
        verdict = change.entry.verdict if change.is_latest else "earlier"
        word = VERDICTS["retracted" if change.kind == "retracted" else verdict]
        figure = f"{_(': ')}{change.metric.label} {score(change.value, change.metric)}" if change.metric else ""
        return f"{change.entry.model.name}{figure}{_(' (')}{_(word)}{_(')')}"

    def item_description(self, change: Change) -> str:
        return f"{change.benchmark}{_('. ')}{change.reason}".rstrip()

    def item_link(self, change: Change) -> str:
        return change.entry.get_absolute_url()

    def item_guid(self, change: Change) -> str:
        return name_item(change.entry, change.kind, change.at)

    def item_updateddate(self, change: Change) -> dt.datetime:
        return change.at

    def item_pubdate(self, change: Change) -> dt.datetime:
        return change.at
