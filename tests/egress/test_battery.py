from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from httpcore2 import AsyncNetworkStream

from fairlead.egress import Egress
from fairlead.egress.client import Client
from fairlead.egress.dial import Dial
from fairlead.errors import EgressRefused, EgressUnreachable
from tests.egress.battery import HONEST_ONES, HOSTILE, RULES, battery
from tests.egress.network import Names, Wires


def ours(names: Names, wires: Wires) -> Egress:
    return Egress(rules=RULES, names=names, backend=wires)


async def test_no_hostile_address_is_connected_to_and_every_honest_one_is() -> None:
    assert (len(HOSTILE), len(HONEST_ONES)) == (36, 3)
    result = await battery(ours)
    assert result.through == []
    # A name that rebinds is asked once: what was checked is what is called, so it reaches the public address only.
    assert result.answered == ["http://rebinding.example/", *HONEST_ONES]
    others = {url: type(e) for url, e in result.refused.items() if not isinstance(e, EgressRefused)}
    assert others in ({}, {"http://LOCALHOST./": EgressUnreachable}), others


class CheckedByName(Dial):
    """The planted bug: it checks what a name stands for, and then connects to the name."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        for address in await self._look_up(host, port, timeout):
            if self._rules.objection(host, address):
                raise EgressRefused("no")
        return await self._backend.connect_tcp(host, port, timeout)


class Believing(Dial):
    """The planted bug: it knows the forbidden hosts by the way they are written."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        if host.startswith(("127.", "10.", "192.168.", "172.", "169.254.", "localhost", "::1", "0.0.0.0")):
            raise EgressRefused("no")
        found = await self._resolve(host, port)
        return await self._backend.connect_tcp(str(found[0]), port, timeout)


def planted(dial: type[Dial]) -> Any:
    class Planted(Client):
        def _dial(self) -> Dial:
            return dial(rules=self._rules, resolve=self._resolve, backend=self._backend)

    class Through(Egress):
        @cached_property
        def _client(self) -> Client:
            return Planted(rules=self._rules, names=self._names, backend=self._backend)

    return lambda names, wires: Through(rules=RULES, names=names, backend=wires)


async def test_the_battery_sees_a_check_by_name_only() -> None:
    assert (await battery(planted(CheckedByName))).through == ["http://rebinding.example/"]


async def test_the_battery_sees_a_check_of_spellings() -> None:
    assert len((await battery(planted(Believing))).through) >= 8
