"""How often anyone may ask."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle


class SignedInThrottle(UserRateThrottle):
    """Leaves who is not signed in to `AnonRateThrottle`, which counts them anyway."""

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        return super().get_cache_key(request, view) if request.user.is_authenticated else None
