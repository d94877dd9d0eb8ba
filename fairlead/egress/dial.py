"""A connection to an address that has been looked at. The check is here, at connect time, because a name can stand
for another address each time it is asked: between a check of the name and a connection by name it may have moved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from httpcore2 import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream, ConnectError, ConnectTimeout

from fairlead.egress.address import Address
from fairlead.egress.names import Resolve
from fairlead.egress.rules import Rules
from fairlead.errors import EgressRefused

_MOST_ADDRESSES = 8
_HINT = "An operator can allow it with FAIRLEAD_EGRESS_ALLOW."


class Dial(AsyncNetworkBackend):
    """What httpcore2 connects with. `backend` is only ever given an address, never a name."""

    def __init__(self, *, rules: Rules, resolve: Resolve, backend: AsyncNetworkBackend | None = None) -> None:
        self._rules = rules
        self._resolve = resolve
        self._backend = backend or AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """Raises EgressRefused, or what httpcore2 expects: ConnectError, ConnectTimeout."""
        ends = None if timeout is None else asyncio.get_running_loop().time() + timeout
        addresses = await self._look_up(host, port, timeout)
        # One forbidden address among several is enough: an honest name has none, and a hostile one would try again.
        for address in addresses:
            objection = self._rules.objection(host, address)
            if objection is not None:
                raise EgressRefused(f"{_name(host, address)} may not be called: it is {objection}.", hint=_HINT)
        return await self._first(addresses[:_MOST_ADDRESSES], port, ends)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> AsyncNetworkStream:
        raise EgressRefused("A socket file may not be called.")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)

    async def _look_up(self, host: str, port: int, timeout: float | None) -> Sequence[Address]:
        try:
            async with asyncio.timeout(timeout):
                found = await self._resolve(host, port)
        except TimeoutError:
            raise ConnectTimeout(f"the name {host} was not resolved in time") from None
        except (OSError, UnicodeError) as error:
            raise ConnectError(f"the name {host} is not known: {error}") from error
        if not found:
            raise ConnectError(f"the name {host} stands for no address")
        return found

    async def _first(self, addresses: Sequence[Address], port: int, ends: float | None) -> AsyncNetworkStream:
        """The first that answers; each gets its share of the time that is left."""
        now = asyncio.get_running_loop().time
        failed: Exception = ConnectError("no address")
        for index, address in enumerate(addresses):
            share = None if ends is None else max(0.001, (ends - now()) / (len(addresses) - index))
            try:
                return await self._backend.connect_tcp(str(address), port, timeout=share)
            except (ConnectError, ConnectTimeout) as error:
                failed = error
        raise failed


def _name(host: str, address: Address) -> str:
    return host if host.strip("[]") == str(address) else f"{host} ({address})"
