"""Which addresses may be called: every public one, and what the operator has allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from fairlead.egress.address import Address, Kind, Network, inner, place_of
from fairlead.errors import ConfigurationError

_HOST = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")


@dataclass(frozen=True, slots=True)
class Rules:
    """`hosts` may stand on private networks. `networks` may be called whatever they are."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def objection(self, host: str, address: Address) -> str | None:
        """Why this address, which `host` stands for, may not be called: words for "it is ...". None: it may."""
        place, address = place_of(address), inner(address)
        if place.kind is Kind.PUBLIC:
            return None
        if any(address.version == network.version and address in network for network in self.networks):
            return None
        if place.kind is Kind.PRIVATE and self._knows(plain_host(host)):
            return None
        return place.what

    def _knows(self, host: str) -> bool:
        _, _, parent = host.partition(".")
        return host in self.hosts or (bool(parent) and any(f"*.{end}" in self.hosts for end in _ends(host)))


def read_rules(items: Iterable[str]) -> Rules:
    """From `EGRESS_ALLOW`: networks ("10.1.0.0/16"), addresses, hosts, "*.example.com". Raises ConfigurationError."""
    hosts: set[str] = set()
    networks: list[Network] = []
    for item in items:
        network = _network(item)
        if network is not None:
            networks.append(network)
        elif _HOST.fullmatch(plain_host(item)):
            hosts.add(plain_host(item))
        else:
            raise ConfigurationError(
                f"FAIRLEAD_EGRESS_ALLOW has {item!r}, which is no network, address or host.",
                hint='Write "10.1.0.0/16", "192.168.1.7", "hooks.internal" or "*.corp.example.com".',
            )
    return Rules(frozenset(hosts), tuple(networks))


def plain_host(host: str) -> str:
    return host.lower().rstrip(".")


def _network(item: str) -> Network | None:
    try:
        return ip_network(item, strict=False)
    except ValueError:
        return None


def _ends(host: str) -> Iterable[str]:
    """ "a.b.c": "b.c", "c"."""
    while "." in host:
        host = host.partition(".")[2]
        yield host
