"""Identical calls at the same time: one flies, the others wait for what it brings.

Whoever comes first leads. When the leader fails or is cancelled, the one who has waited longest leads next, and so on:
one after another, never all at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    def __init__(self) -> None:
        self._flights: dict[str, asyncio.Future[T | None]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def under_way(self, key: str) -> bool:
        return key in self._flights

    async def lead(self, key: str, call: Callable[[], Awaitable[T]]) -> T:
        """What `call` gives, for us and for all who follow: until `land`, which must come when it gave something.
        Only when none is under way."""
        flight: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            result = await call()
        except BaseException:
            del self._flights[key]
            flight.set_result(None)
            raise
        flight.set_result(result)
        return result

    def land(self, key: str) -> None:
        """From now on whoever comes leads a flight of its own."""
        del self._flights[key]

    async def follow(self, key: str) -> T | None:
        """What the leader brings; None when it failed: then look again whether another leads by now."""
        flight = self._flights[key]
        if flight.done():
            return flight.result()
        # Shielded: a follower that is cancelled must not take the others' future with it.
        return await asyncio.shield(flight)
