"""API tokens, which a banned account's no longer are."""

from typing import Any

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.request import Request

from leaderboard.queries.bans import find_ban


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc]
    """Tells a banned account why its token does nothing, reading included: scripts notice it at once."""

    def authenticate(self, request: Request) -> Any:
        found = super().authenticate(request)
        if found and (reason := find_ban(found[0])):
            raise PermissionDenied(reason)
        return found


class SignedInToWrite(IsAuthenticatedOrReadOnly):
    """Asks nobody to sign in for a method that an address has not: 405 is said to everybody alike."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.method not in view.allowed_methods or super().has_permission(request, view)


class TokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    """Describes it in the schema as what it is."""

    target_class = "leaderboard.api.authentication.TokenAuthentication"
