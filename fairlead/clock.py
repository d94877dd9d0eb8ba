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
    def now(self) -> datetime:
        return datetime.now(UTC)

    def micros(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 in UTC: how every time is stored."""
    return round(moment.timestamp() * 1_000_000)


def from_micros(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)
