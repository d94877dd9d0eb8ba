"""What a process does for its service levels: it says that it is there, and writes down what it counted.

Whoever kills it loses what it counted since the last time it wrote: less than a minute, and the report says that a
process died. While the database is away counts wait in memory, for a day at most.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import DatabaseUnavailable
from fairlead.operate.levels.book import LevelBook
from fairlead.operate.levels.counts import Counts

_WRITE_EVERY = 60.0  # seconds


class Keeper:
    """`process`: a name that no other has. `role`: api or worker. Only of APIs it is promised that they are there."""

    def __init__(self, book: LevelBook, counts: Counts, *, process: str, role: str, clock: Clock) -> None:
        self._book = book
        self._counts = counts
        self._process = process
        self._role = role
        self._clock = clock
        self._written = clock.monotonic()

    async def once(self) -> timedelta | None:
        """A role, every ten seconds. Raises `DatabaseUnavailable`."""
        await self._book.beat(self._process, self._role)
        if self._clock.monotonic() - self._written >= _WRITE_EVERY:
            await self._write()
        return None

    async def stop(self) -> None:
        """It was asked to, and writes the last of it; what the database does not take now is lost."""
        with suppress(DatabaseUnavailable):
            await self._write()
            await self._book.end(self._process)

    async def _write(self) -> None:
        over = self._counts.minute  # this minute goes on, and is written again
        await self._book.put(self._process, self._counts.rows())
        self._counts.forget(over)
        self._written = self._clock.monotonic()
