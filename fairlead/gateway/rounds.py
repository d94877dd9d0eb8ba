"""Something that is done again and again, beside the calls, until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import DatabaseUnavailable
from fairlead.telemetry.emit import Emit


class Rounds:
    """Each round is made every so often. One that fails is reported and made again."""

    def __init__(self, *, clock: Clock, emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, every: timedelta, once: Callable[[], Awaitable[object]]) -> None:
        loop = asyncio.get_running_loop()
        # An empty context: what goes round must not count as a part of whoever started it.
        self._tasks.append(loop.create_task(self._forever(name, every, once), name=name, context=Context()))

    async def stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _forever(self, name: str, every: timedelta, once: Callable[[], Awaitable[object]]) -> None:
        while True:
            await self._clock.sleep(every)
            try:
                await once()
            except DatabaseUnavailable as error:
                self._emit("database_unreachable", database=name, error=str(error))
            except Exception as error:  # noqa: BLE001 the edge of a loop: one bad round must not end the others
                self._emit("error", code="role_failed", message=repr(error), where=name)
