"""The leaderboard: the ranked view of a benchmark's entries, and what is made of it."""

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from leaderboard import charts
from leaderboard.api.paging import link_page
from leaderboard.figures import write_score
from leaderboard.models import Benchmark, BoardFacts, Entry, Standing
from leaderboard.queries import BadQuery, Head, read_board, read_filters, read_findings
from leaderboard.queries.badges import find_badged
from leaderboard.services.boards import arrears, exports
from leaderboard.views.opening import read_charts, read_opening
from leaderboard.views.requests import HtmxRequest
from leaderboard.views.table import EXPORTS, TABLE, read_table


def find_benchmark(slug: str) -> Benchmark:
    related = ("task", "split__dataset", "protocol")
    return get_object_or_404(Benchmark.objects.select_related(*related), slug=slug)


def find_head(slug: str) -> Head:
    """Raises: Http404."""
    head = arrears.find_head(slug)
    if head is None:
        raise Http404
    return head


@require_safe
def show_board(request: HtmxRequest, slug: str) -> HttpResponse:
    """Show a page of the board. What is wrong with a filter is said in place of the rows."""
    head = find_head(slug)
    context = read_table(head, request.GET)
    status = 400 if context["error"] else 200
    if request.htmx and not request.htmx.history_restore_request:
        response = render(request, TABLE, context, status=status, using="jinja2")
    else:
        context = {
            "benchmark": head.benchmark,
            "table": mark_safe(render_to_string(TABLE, context, request, using="jinja2")),
            "opening": read_opening(head),
            "charts": read_charts(head, request.GET.get("chart", "")),
        }
        response = render(request, "leaderboard/board.html", context, status=status)
    response["Vary"] = "HX-Request, Cookie, Accept-Language"
    return response


@require_safe
def show_findings(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the claim lint found, with its evidence."""
    head = find_head(slug)
    findings = read_findings(head.facts)
    rows = {row for finding in findings for change in finding.repair if (row := change.row).isdecimal()}
    names = Entry.objects.filter(pk__in=rows).values_list("pk", "model__name")
    context = {"benchmark": head.benchmark, "findings": findings, "names": {str(pk): name for pk, name in names}}
    return render(request, "leaderboard/findings.html", context)


@require_safe
def export_board(request: HttpRequest, slug: str, format: str) -> HttpResponse:
    """Hand out the board as a file, as far as the filters leave it. A cut one says where its next rows are."""
    if format not in EXPORTS:
        raise Http404
    head, cursor = find_head(slug), request.GET.get("cursor") or None
    _name, writer, content_type = EXPORTS[format]
    try:
        board = read_board(head, read_filters(request.GET), cursor=cursor, page_size=exports.MOST_ROWS)
    except BadQuery as bad:
        return HttpResponse(str(bad), status=400, content_type="text/plain; charset=utf-8")
    rest = link_page(request, board.next_cursor) if board.next_cursor else ""
    response = HttpResponse(exports.write_board(board, writer, rest), content_type=f"{content_type}; charset=utf-8")
    name = f"{slug}.part.{format}" if cursor or rest else f"{slug}.{format}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    if rest:
        response["Link"] = f'<{rest}>; rel="next"'
    return response


@require_safe
def show_card(request: HttpRequest, slug: str) -> HttpResponse:
    """Hand out the board's picture for link previews."""
    facts = get_object_or_404(BoardFacts.objects.exclude(card="").only("card"), benchmark__slug=slug)
    try:
        with default_storage.open(facts.card) as file:
            response = HttpResponse(file.read(), content_type="image/png")
    except FileNotFoundError as error:
        raise Http404 from error
    response["Cache-Control"] = "public, max-age=300"
    return response


def find_badge_standing(board: Benchmark, model: str) -> Standing:
    """Raises: Http404 where the model has no standing on the board."""
    standing = find_badged(board.slug, model)
    if standing is None:
        raise Http404
    return standing


@require_safe
def find_badge_row(request: HttpRequest, benchmark: str, model: str) -> HttpResponse:
    """Lead from a badge to the row that it speaks of, with everything that stands behind it."""
    return redirect(find_badge_standing(find_benchmark(benchmark), model).entry)


@require_safe
def show_badge(request: HttpRequest, benchmark: str, model: str) -> HttpResponse:
    """Draw a badge for a README: the model's best verified score, else its best claim, and which of the two it is."""
    board = find_benchmark(benchmark)
    standing = find_badge_standing(board, model)
    is_verified = standing.verified is not None
    value = standing.verified if is_verified else standing.claimed
    badge = charts.draw_badge(
        f"{standing.metric.label} {board.split.dataset.name}",
        "–" if value is None else write_score(value, min(standing.metric.decimals, 2)),
        _("verified") if is_verified else _("not verified"),
    )
    context = {"badge": badge, "status": standing.entry.status}
    response = render(request, "leaderboard/badge.svg", context, content_type="image/svg+xml")
    response["Cache-Control"] = "max-age=300"
    return response
