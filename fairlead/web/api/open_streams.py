"""The streams that are open: each ends when its work is done, its reader goes away, or the server is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum, auto
from typing import Any

from starlette.types import Receive


class End(Enum):
    DONE = auto()
    GONE = auto()  # the reader
    STOPPING = auto()  # the server


class OpenStreams:
    """One waits for the server to stop, for all of them: thousands may be open."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._open: dict[asyncio.Task[Any], End] = {}
        self._watch: asyncio.Task[None] | None = None

    async def until_ended(self, work: Coroutine[Any, Any, None], receive: Receive) -> End:
        """Do the work in the task that asks; it is cancelled when there is no more use in it."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = End.DONE
        if self._watch is None:
            self._watch = asyncio.create_task(self._end_all())
        gone = asyncio.ensure_future(until_gone(receive))
        gone.add_done_callback(lambda _: self._end(task, End.GONE))
        try:
            await work
        except asyncio.CancelledError:
            if self._open[task] is End.DONE:  # somebody else wants it
                raise
            task.uncancel()
        finally:
            end = self._open.pop(task)
            gone.cancel()
        return end

    def _end(self, task: asyncio.Task[Any], why: End) -> None:
        if self._open.get(task) is End.DONE:
            self._open[task] = why
            task.cancel()

    async def _end_all(self) -> None:
        await self._stopping.wait()
        for task in tuple(self._open):
            self._end(task, End.STOPPING)
        self._watch = None


async def until_gone(receive: Receive) -> None:
    """Until the caller has closed the connection."""
    with suppress(RuntimeError):  # what some servers raise when asked again after the end
        while (await receive())["type"] != "http.disconnect":
            pass
