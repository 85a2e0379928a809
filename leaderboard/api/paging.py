"""Lists page by page. A cursor or a size that is none of ours is refused by name."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from leaderboard.queries import BadQuery, read_number


def link_page(request: HttpRequest, cursor: str) -> str:
    """Return the address of the page that the cursor leads to; all else is as it was asked for."""
    query = request.GET.copy()
    query["cursor"] = cursor
    return f"{request.build_absolute_uri(request.path)}?{query.urlencode()}"


def bounded(most: int) -> dict[str, Any]:
    """Return the schema of how many rows a page may have."""
    return {"type": "integer", "minimum": 1, "maximum": most}


class BySlug(CursorPagination):
    ordering = "slug"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_page_size(self, request: Request) -> int:
        return read_number(request.query_params, "page_size", 1, self.max_page_size) or self.page_size

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] = bounded(self.max_page_size)
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        described = super().get_paginated_response_schema(schema)
        # REST framework's own words are those of OpenAPI 3.0, by which 3.1 has no null here.
        link = {"type": ["string", "null"], "format": "uri"}
        described["properties"] |= {"next": link, "previous": link}
        return described

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: Any = None
    ) -> list[Any] | None:
        """Raises: BadQuery."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except BadQuery:
            raise
        except (NotFound, ValidationError, ValueError) as error:
            raise BadQuery("cursor", "This cursor is not one of ours; start again from the first page.") from error


class NewestFirst(BySlug):
    ordering = "-created_at"
