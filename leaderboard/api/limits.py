"""How often anyone may ask."""

import ipaddress
import re
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

# What some proxies make of an address: with the port of the connection, which is another one each time.
WITH_PORT = re.compile(r"\[(?P<six>[^\]]*)\](:\d+)?|(?P<four>[\d.]+):\d+")
SUBSCRIBER_BITS = 64


class AnonymousThrottle(AnonRateThrottle):
    """Counts who is not signed in by address."""

    def get_ident(self, request: Request) -> str:
        return name_caller(super().get_ident(request) or "")


class SignedInThrottle(UserRateThrottle):
    """Leaves who is not signed in to `AnonymousThrottle`, which counts them anyway."""

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        return super().get_cache_key(request, view) if request.user.is_authenticated else None


def name_caller(text: str) -> str:
    """Return one name for all forms of an address, and of the many that one line has in IPv6; other text as it is."""
    found = WITH_PORT.fullmatch(text)
    text = (found["six"] or found["four"] or "") if found else text
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, SUBSCRIBER_BITS), strict=False))
