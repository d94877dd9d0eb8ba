"""What kind of place an address is. A table of our own (IANA's special-purpose registries, November 2026): what the
standard library calls global differs from one Python to the next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Kind(Enum):
    PUBLIC = "public"
    PRIVATE = "private"  # somebody's own network: may be allowed by a host's name
    SPECIAL = "special"  # nothing that a caller may name: allowed only as a network


@dataclass(frozen=True, slots=True)
class Place:
    kind: Kind
    what: str = ""


_PUBLIC = Place(Kind.PUBLIC)
_PRIVATE = {
    "127.0.0.0/8": "loopback",
    "10.0.0.0/8": "a private network",
    "172.16.0.0/12": "a private network",
    "192.168.0.0/16": "a private network",
    "100.64.0.0/10": "a carrier's private network",
    "::1/128": "loopback",
    "fc00::/7": "a private network",
}
_METADATA = {
    "169.254.169.254/32": "the metadata service of a cloud",
    "169.254.170.2/32": "the credentials service of a cloud",
    "100.100.100.200/32": "the metadata service of a cloud",
    "192.0.0.192/32": "the metadata service of a cloud",
    "168.63.129.16/32": "the control service of a cloud",
    "fd00:ec2::254/128": "the metadata service of a cloud",
    "fd20:ce::254/128": "the metadata service of a cloud",
}
_SPECIAL = {
    "0.0.0.0/8": "this host",
    "169.254.0.0/16": "a link-local address",
    "192.0.0.0/24": "a reserved address",
    "192.0.2.0/24": "an address for examples",
    "192.88.99.0/24": "a relay of 6to4",
    "198.18.0.0/15": "a network for benchmarks",
    "198.51.100.0/24": "an address for examples",
    "203.0.113.0/24": "an address for examples",
    "224.0.0.0/4": "a multicast address",
    "240.0.0.0/4": "a reserved address",
    "2001::/23": "a reserved address",  # Teredo, benchmarks, ORCHID
    "2001:db8::/32": "an address for examples",
    "2002::/16": "an address of 6to4",
    "3fff::/20": "an address for examples",
    "fe80::/10": "a link-local address",
    "ff00::/8": "a multicast address",
}
_TABLE = [
    (ip_network(text), Place(kind, what))
    for kind, table in ((Kind.SPECIAL, _METADATA), (Kind.PRIVATE, _PRIVATE), (Kind.SPECIAL, _SPECIAL))
    for text, what in table.items()
]
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def place_of(address: Address) -> Place:
    """What kind of place this is, seen through every way of writing an IPv4 address as an IPv6 one."""
    address = inner(address)
    for network, place in _TABLE:
        if address.version == network.version and address in network:
            return place
    if isinstance(address, IPv6Address) and (address not in _UNICAST or _is_isatap(address)):
        return Place(Kind.SPECIAL, "a reserved address")
    return _PUBLIC


def inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries, where a packet would go to it."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else address


def _is_isatap(address: IPv6Address) -> bool:
    """Interface ids that end in an IPv4 address, to which a tunnel would deliver (RFC 5214)."""
    return (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP
