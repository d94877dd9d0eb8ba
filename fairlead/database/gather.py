"""Group commit without a timer: whatever waits when the last round trip returns goes together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from fairlead.errors import DatabaseUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gather(Generic[Item, Result]):
    """Turns many `put`s into few `flush`es, one in flight at a time, in the order they came.

    `flush` gets up to `limit` items and answers one result for each. When it raises because of a value, each item of
    the batch is tried alone, so that only the guilty gets the exception; otherwise everyone in the batch gets it.
    """

    def __init__(self, flush: Callable[[list[Item]], Awaitable[Sequence[Result]]], *, limit: int = 500) -> None:
        self._flush = flush
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None
        self._in_flight = 0
        self._flushed = 0  # items so far
        self._watching: list[asyncio.Future[None]] = []  # told after each flush

    def put(self, item: Item) -> asyncio.Future[Result]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._task is None:
            # An empty context: the flushing task must not count as a child of whoever put first.
            self._task = loop.create_task(self._drain(), context=Context())
        return future

    async def caught_up(self) -> None:
        """Wait until everything put before is flushed; what is put meanwhile does not count."""
        goal = self._flushed + self._in_flight + len(self._waiting)
        while self._flushed < goal:
            caught_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watching.append(caught_up)
            await caught_up

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                self._in_flight = len(batch)
                try:
                    await self._send(batch)
                finally:
                    self._count(len(batch))
        finally:
            self._task = None

    def _count(self, flushed: int) -> None:
        self._flushed += flushed
        self._in_flight = 0
        watching, self._watching = self._watching, []
        for future in watching:
            if not future.done():
                future.set_result(None)

    async def _send(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._flush([item for item, _ in batch])
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, DatabaseUnavailable) and len(batch) > 1:
                for one in batch:
                    await self._send([one])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
                    future.exception()  # whoever awaits it sees it; nobody else needs a warning
            if not isinstance(error, Exception):
                raise
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
