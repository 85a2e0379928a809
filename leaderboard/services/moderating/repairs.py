"""Accept what the claim lint proposes: a mended claim is a further one, and the audit trail keeps what was dropped."""

import datetime as dt

from django.db import transaction
from django.utils.translation import gettext as _

from leaderboard.claims.table import Action, Change, Finding
from leaderboard.models import Benchmark, Claim, Entry, Metric, Weights
from leaderboard.services import audit
from leaderboard.services.boards import standings
from leaderboard.services.boards.findings import find_findings
from leaderboard.services.moderating.moderation import need_reason, set_hidden
from leaderboard.tables.scores import read_score


class RepairGone(ValueError):
    """The finding is not there any more, or proposes nothing. The message is one plain sentence."""


@transaction.atomic
def accept(benchmark: Benchmark, digest: str, *, by: audit.Actor, at: dt.datetime, reason: str) -> int:
    """Carry out the repair of the finding of this digest, and return how many changes it made.

    Raises: RepairGone, moderation.ReasonRequired.
    """
    reason = need_reason(reason)
    standings.lock(benchmark)
    finding = next((each for each in find_findings(benchmark) if each.digest == digest), None)
    if finding is None or not finding.repair:
        raise RepairGone(_("This finding is gone or proposes no repair; load the page again."))
    entries = {str(entry.pk): entry for entry in Entry.objects.filter(benchmark=benchmark, pk__in=list_rows(finding))}
    metrics = {metric.key: metric for metric in benchmark.metrics.all()}
    for change in finding.repair:
        carry_out(change, entries[change.row], metrics.get(change.metric), by=by, at=at, reason=reason)
    audit.record("repair", benchmark, by=by, at=at, reason=reason, data={"rule": finding.rule})
    standings.refresh_benchmark(benchmark)
    return len(finding.repair)


def list_rows(finding: Finding) -> list[str]:
    return [change.row for change in finding.repair]


def carry_out(
    change: Change, entry: Entry, metric: Metric | None, *, by: audit.Actor, at: dt.datetime, reason: str
) -> None:
    match change.action:
        case Action.REPLACE_SCORE if metric is not None:
            Claim.objects.create(
                entry=entry,
                metric=metric,
                value=read_score(change.after, metric.label).value,
                text=change.after,
                source=f"repair {at:%Y-%m-%d %H:%M:%S}",
                source_url=change.source if change.source.startswith("https://") else "",
            )
        case Action.DROP_SCORE if metric is not None:
            Claim.objects.filter(entry=entry, metric=metric, withdrawn_at=None).update(withdrawn_at=at)
        case Action.REPLACE_WEIGHTS | Action.DROP_WEIGHTS:
            replace_weights(entry, change)
        case Action.DROP_ROW:
            set_hidden(entry, True, by=by, at=at, reason=reason)
    facts = {"action": str(change.action), "metric": change.metric, "before": change.before, "after": change.after}
    audit.record("repair", entry, by=by, at=at, reason=reason, data=facts)


def replace_weights(entry: Entry, change: Change) -> None:
    """Take an address off the entry and put the right one in its place, where there is one."""
    for weights in entry.weights.filter(url=change.before):
        entry.weights.remove(weights)
        if change.after:
            known, _is_new = Weights.objects.get_or_create(
                model=entry.model, framework=weights.framework, url=change.after
            )
            entry.weights.add(known)
