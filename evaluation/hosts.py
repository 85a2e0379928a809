"""Which addresses and host names are public. Standard library only."""

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
# What some resolvers read as a number: 127.1, 0x7f.1, 2130706433.
NUMERIC_LABEL = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)
# Top-level names that are nobody's on the public internet.
LOCAL_NAMES = (
    *("localhost", "localdomain", "local", "internal", "intranet", "private", "lan", "home", "corp"),
    *("arpa", "test", "invalid", "onion"),
)
# Written out, as what Python's ipaddress calls global differs between its versions.
# Source: the IANA registries of special-purpose IPv4 and IPv6 addresses; 168.63.129.16 is a cloud's own service.
SPECIAL_IPV4 = [
    ipaddress.IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]
UNICAST_IPV6 = ipaddress.IPv6Network("2000::/3")
SPECIAL_IPV6 = [ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
# Where the network translates (NAT64), the address that counts is the IPv4 one inside.
TRANSLATED_IPV6 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in SPECIAL_IPV4)
    if address in TRANSLATED_IPV6:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in UNICAST_IPV6 and not any(address in network for network in SPECIAL_IPV6)


def is_public_name(host: str) -> bool:
    """Tell by its form alone; what it resolves to is another question."""
    labels = host.removesuffix(".").split(".")
    is_local = len(labels) < 2 or labels[-1].lower() in LOCAL_NAMES or NUMERIC_LABEL.fullmatch(labels[-1]) is not None
    return not is_local and all(HOST_LABEL.fullmatch(label) for label in labels)
