"""Connections kept at hand between statements.

The pool's own acquire and release cost a task and two turns of the event loop each time: more than a short statement.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

T = TypeVar("T")
Connection = Any  # what a pool hands out: an asyncpg.Connection behind a proxy


class AtHand:
    """Keeps up to `most` connections of a pool; one that a statement failed on goes back, and the others with it."""

    def __init__(self, pool: asyncpg.Pool[Any], *, most: int) -> None:
        self._pool = pool
        self._most = most
        self._kept: list[Connection] = []

    async def on_one(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Does the work on one of them."""
        connection: Connection = self._kept.pop() if self._kept else await self._pool.acquire()
        try:
            answer = await work(connection)
        except BaseException:
            await self._pool.release(connection)
            await self.let_go()
            raise
        if len(self._kept) < self._most and not connection.is_closed():
            self._kept.append(connection)
        else:
            await self._pool.release(connection)
        return answer

    async def let_go(self) -> None:
        """Give all of them back."""
        while self._kept:
            await self._pool.release(self._kept.pop())
