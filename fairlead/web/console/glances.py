"""What many pages look at beside what they show: asked once for all who ask within a moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from datetime import timedelta
from typing import Any, TypeVar, cast

from fairlead.clock import Clock

T = TypeVar("T")
LASTS = timedelta(seconds=2)


class Glances:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[Hashable, tuple[float, Any]] = {}

    async def at(self, what: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """As it was asked for last, if that is no longer ago than `LASTS`. `what`: all that the answer depends on."""
        now = self._clock.monotonic()
        known = self._known.get(what)
        if known is None or now - known[0] > LASTS.total_seconds():
            known = self._known[what] = now, await ask()
        return cast("T", known[1])
