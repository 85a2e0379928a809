"""The leaderboard of a benchmark, as JSON or CSV."""

from collections.abc import Iterable
from typing import Any

import orjson
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from leaderboard.api.missing import miss
from leaderboard.api.paging import bounded, link_page
from leaderboard.api.serializers import BoardSerializer
from leaderboard.models import Benchmark
from leaderboard.queries import PAGE_SIZE, BadQuery, Head, read_board, read_filters, read_number
from leaderboard.services.boards.arrears import find_head
from leaderboard.tables.boards import row_to_dict, write_csv

MAX_PAGE_SIZE = 500


class CSVRenderer(BaseRenderer):
    """Says that CSV is on offer; the view writes it."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"


class FormatNegotiation(DefaultContentNegotiation):
    """`?format=` names a renderer and goes before what `Accept` says."""

    def get_accept_list(self, request: Request) -> list[str]:
        return ["*/*"] if request.query_params.get("format") else super().get_accept_list(request)

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> list[BaseRenderer]:
        """Raises: BadQuery."""
        named = [renderer for renderer in renderers if renderer.format == format]
        if not named:
            raise BadQuery("format", f"format is one of {', '.join(str(r.format) for r in renderers)}.")
        return named


def parameter(name: str, kind: Any, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description)


class LeaderboardView(APIView):
    """The ranked view of a benchmark's entries."""

    renderer_classes = [JSONRenderer, CSVRenderer]
    content_negotiation_class = FormatNegotiation

    @extend_schema(
        operation_id="benchmarks_leaderboard",
        parameters=[
            parameter("metric", OpenApiTypes.STR, "key of the metric to sort by; the ranking one without it"),
            parameter(
                "status", OpenApiTypes.STR, "all, verified (mismatches among them), mismatch or claimed (without a run)"
            ),
            parameter("framework", OpenApiTypes.STR, "such as PyTorch"),
            parameter("max_parameters", OpenApiTypes.INT, "at most so many parameters"),
            parameter("max_multiply_adds", OpenApiTypes.INT, "at most so many multiply-adds of one image"),
            parameter("published_from", OpenApiTypes.DATE, "the paper is of that day or later"),
            parameter("published_to", OpenApiTypes.DATE, "the paper is of that day or earlier"),
            OpenApiParameter(
                "extra_data",
                OpenApiTypes.STR,
                OpenApiParameter.QUERY,
                enum=["with", "without"],
                description="trained on more than the benchmark's own dataset, or not",
            ),
            parameter("as_of", OpenApiTypes.DATE, "the board as it stood when that day ended, in UTC"),
            parameter("q", OpenApiTypes.STR, "part of the model's name"),
            parameter("cursor", OpenApiTypes.STR, "from `next` or `previous`"),
            parameter("page_size", bounded(MAX_PAGE_SIZE), f"1 to {MAX_PAGE_SIZE}"),
        ],
        responses={(200, "application/json"): BoardSerializer, (200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        head = find_head(slug)
        if head is None:
            raise miss(Benchmark, slug)
        body, content_type, links = self.write(request, head)
        response = HttpResponse(body, content_type=content_type)
        if links:
            response["Link"] = links
        # Its tag, and 304, are `portal.repeats`' to say.
        response["Cache-Control"] = "no-cache"
        response["Vary"] = "Accept, Accept-Language"
        return response

    def write(self, request: Request, head: Head) -> tuple[bytes, str, str]:
        """Return the body of the answer, its content type and its `Link` header. Raises: BadQuery."""
        size = read_number(request.query_params, "page_size", 1, MAX_PAGE_SIZE) or PAGE_SIZE
        cursor = request.query_params.get("cursor") or None
        board = read_board(head, read_filters(request.query_params), cursor=cursor, page_size=size)
        cursors = {"next": board.next_cursor, "previous": board.previous_cursor}
        links = {name: link_page(request._request, cursor) if cursor else None for name, cursor in cursors.items()}
        header = ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items() if url)
        if request.accepted_renderer.format == "csv":
            text = "".join(write_csv(board.rows, [metric.key for metric in head.metrics]))
            return text.encode(), "text/csv; charset=utf-8", header
        body = {
            "benchmark": head.benchmark.slug,
            "metric": board.metric.key,
            "counts": board.counts._asdict() | {"claimed": board.counts.claimed},
            **links,
            "results": [row_to_dict(row) for row in board.rows],
        }
        return orjson.dumps(body), "application/json", header
