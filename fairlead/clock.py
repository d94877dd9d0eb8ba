"""The only place that reads the system clock. Everyone else is handed a `Clock`."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for people and records, monotonic time for measuring, and waiting."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def micros(self) -> int:
        """The same as microseconds since 1970: how every time is stored."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, from an arbitrary zero."""
        ...

    async def sleep(self, duration: timedelta) -> None: ...


class SystemClock:
    monotonic = staticmethod(time.monotonic)  # asked a dozen times in each model call

    def now(self) -> datetime:
        return datetime.now(UTC)

    def micros(self) -> int:
        return time.time_ns() // 1000

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


class SteeredClock:
    """A wall clock that somebody else sets, and that our monotonic clock carries on: what happens to the wall clock of
    this machine does not matter. Until it is set, it is the machine's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._set: tuple[int, float] | None = None

    def steer(self, micros: int) -> None:
        """It is now `micros` since 1970."""
        self._set = (micros, self._clock.monotonic())

    def now(self) -> datetime:
        return from_micros(self.micros())

    def micros(self) -> int:
        if self._set is None:
            return self._clock.micros()
        micros, at = self._set
        return micros + round((self._clock.monotonic() - at) * 1_000_000)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        await self._clock.sleep(duration)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 in UTC: how every time is stored."""
    return round(moment.timestamp() * 1_000_000)


def from_micros(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)
