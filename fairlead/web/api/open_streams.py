"""The streams that are open: each ends when its reader goes away or it is cut; a server that stops cuts all of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from starlette.types import Receive

Task = asyncio.Task[Any] | None


class OpenStreams:
    """One waits for the server to stop, for all of them: thousands may be open."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._open: dict[Task, bool] = {}  # whether it was cut
        self._watch: asyncio.Task[None] | None = None

    async def until_gone(self, receive: Receive) -> bool:
        """Until the reader is gone, or has its whole answer: False. True: the stream was cut."""
        task = asyncio.current_task()
        self._open[task] = False
        if self._watch is None:
            self._watch = asyncio.create_task(self._cut_all())
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if task is None or not self._open[task]:  # somebody else wants it
                raise
            task.uncancel()
        except RuntimeError:
            pass  # what some servers raise when asked again after the end
        finally:
            cut = self._open.pop(task)
        return cut

    def cut(self, task: Task) -> None:
        """The stream of this task must end although its reader is there."""
        if task is not None and self._open.get(task) is False:
            self._open[task] = True
            task.cancel()

    async def _cut_all(self) -> None:
        await self._stopping.wait()
        for task in tuple(self._open):
            self.cut(task)
        self._watch = None


async def until_gone(receive: Receive) -> None:
    """Until the caller has closed the connection."""
    with suppress(RuntimeError):  # what some servers raise when asked again after the end
        while (await receive())["type"] != "http.disconnect":
            pass
