"""When what is under way must be over at the latest: one timer of the event loop for all of it.

A timer for each call took as long as ten of the stack's wrappers, and next to none of them ever rang.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Deadlines:
    """Moments are by the time of the loop in which it is first asked."""

    __slots__ = ("_due", "_loop", "_rings_at", "_timer")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._rings_at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Asked for once: Python 3.11 makes a system call of it each time."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def set(self, what: object, moment: float, end: Callable[[], None]) -> None:
        """Calls `end` at that moment, unless `what` is dropped before."""
        self._due[what] = moment, end
        if moment < self._rings_at:
            self._ring_at(moment)

    def drop(self, what: object) -> None:
        self._due.pop(what, None)

    def _ring_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = moment
        self._timer = self.loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        """What it was set for is mostly long over: then the next is looked for."""
        self._rings_at, self._timer = math.inf, None
        now = self.loop.time()
        past = [what for what, (moment, _) in self._due.items() if moment <= now]
        for what in sorted(past, key=lambda what: self._due[what][0]):
            if (due := self._due.pop(what, None)) is not None:
                due[1]()
        if self._due:
            self._ring_at(min(moment for moment, _ in self._due.values()))
