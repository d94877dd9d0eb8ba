"""Identical calls at the same time: one flies, the others wait for what it brings.

Whoever comes first leads. When the leader fails or is cancelled, the one who has waited longest leads next, and so on:
one after another, never all at once.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    def __init__(self) -> None:
        self._flights: dict[str, _Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def under_way(self, key: str) -> bool:
        return key in self._flights

    def begin(self, key: str) -> None:
        """We lead, until `bring` or `fail`. Only when none is under way."""
        self._flights[key] = _Flight()

    def bring(self, key: str, result: T) -> None:
        """What the call gave, for all who follow: until `land`, which must come."""
        self._flights[key].end(result)

    def fail(self, key: str) -> None:
        self._flights.pop(key).end(None)

    def land(self, key: str) -> None:
        """From now on whoever comes leads a flight of its own."""
        del self._flights[key]

    async def follow(self, key: str) -> T | None:
        """What the leader brings; None when it failed: then look again whether another leads by now."""
        return await self._flights[key].result()


class _Flight(Generic[T]):
    """Most are followed by nobody, and need no future."""

    __slots__ = ("_brought", "_waited_for")

    def __init__(self) -> None:
        self._brought: T | None = None
        self._waited_for: asyncio.Future[T | None] | None = None

    def end(self, result: T | None) -> None:
        self._brought = result
        if self._waited_for is not None:
            self._waited_for.set_result(result)

    async def result(self) -> T | None:
        if self._brought is not None:
            return self._brought
        if self._waited_for is None:
            self._waited_for = asyncio.get_running_loop().create_future()
        # Shielded: a follower that is cancelled must not take the others' future with it.
        return await asyncio.shield(self._waited_for)
