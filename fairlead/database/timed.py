"""A database that tells how long each statement took, as whoever asked felt it: to wait for a connection and to try
again are part of that, and what failed took its time too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from fairlead.clock import Clock
from fairlead.database.door import Call, Database, Presence, Row, Rows
from fairlead.database.signals import Signals
from fairlead.database.sql import Query

Tell = Callable[[str, timedelta], None]


class Timed:
    """`tell` gets the name of the query and its time; of several at once, that of the first and the time of all."""

    def __init__(self, database: Database, *, clock: Clock, tell: Tell) -> None:
        self.dialect = database.dialect
        self._database = database
        self._clock = clock
        self._tell = tell

    @property
    def signals(self) -> Signals:
        return self._database.signals

    @property
    def presence(self) -> Presence:
        return self._database.presence

    async def read(self, query: Query, /, rows: Rows = (), **parameters: Any) -> Sequence[Row]:
        started = self._clock.monotonic()
        try:
            return await self._database.read(query, rows, **parameters)
        finally:
            self._told(query, started)

    async def write(self, query: Query, /, rows: Rows = (), **parameters: Any) -> Sequence[Row]:
        started = self._clock.monotonic()
        try:
            return await self._database.write(query, rows, **parameters)
        finally:
            self._told(query, started)

    async def write_all(self, calls: Sequence[Call]) -> list[Sequence[Row]]:
        started = self._clock.monotonic()
        try:
            return await self._database.write_all(calls)
        finally:
            if calls:
                self._told(calls[0].query, started)

    async def script(self, text: str) -> None:
        await self._database.script(text)

    async def close(self) -> None:
        await self._database.close()

    def _told(self, query: Query, started: float) -> None:
        self._tell(query.name, timedelta(seconds=self._clock.monotonic() - started))
