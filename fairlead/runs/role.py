"""Background roles: a name, a rhythm, and `once`: do it now, say when to come again. The loop is written here, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta

from fairlead.errors import DatabaseUnavailable
from fairlead.telemetry.emit import Emit

_AFTER_FAILURE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Role:
    """`once` answers how long to pause before the next time; None: `every`."""

    name: str
    every: timedelta
    once: Callable[[], Awaitable[timedelta | None]]


class Roles:
    """Runs roles until stopped. A role that fails is reported and goes on after a second."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._nudges: dict[str, asyncio.Event] = {}

    def start(self, role: Role) -> None:
        self._nudges[role.name] = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._tasks[role.name] = loop.create_task(self._forever(role), name=role.name, context=Context())

    def nudge(self, name: str) -> None:
        """Do it now rather than later."""
        if name in self._nudges:
            self._nudges[name].set()

    async def stop(self, name: str | None = None) -> None:
        """End one role, or all of them."""
        names = list(self._tasks) if name is None else [name]
        tasks = [self._tasks.pop(one) for one in names if one in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _forever(self, role: Role) -> None:
        nudge = self._nudges[role.name]
        while True:
            nudge.clear()
            pause = await self._once(role)
            if not nudge.is_set():
                # Not wait_for: in Python 3.11 it forgets a cancellation that comes together with the nudge.
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause.total_seconds()):
                        await nudge.wait()

    async def _once(self, role: Role) -> timedelta:
        try:
            asked = await role.once()
        except DatabaseUnavailable as error:
            self._emit("database_unreachable", database=role.name, error=str(error))
            return _AFTER_FAILURE
        except Exception as error:  # noqa: BLE001 the edge of a loop: one bad turn must not end the role
            self._emit("error", code="role_failed", message=repr(error), where=role.name)
            return _AFTER_FAILURE
        return role.every if asked is None else asked
