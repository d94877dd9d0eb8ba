"""The tables of service levels, on either database."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from fairlead.clock import Clock, from_micros, to_micros
from fairlead.database import Database, Migrations, Query
from fairlead.database import sql as named_sql
from fairlead.operate.levels.availability import Available, Span, available
from fairlead.operate.levels.level import BURNS, LONGEST, OBJECTIVES, Events, Report, Window, events_of, judge, shown

_HERE = Path(__file__).parent
MIGRATIONS = Migrations("levels", _HERE / "migrations")
BEAT = timedelta(seconds=10)
SILENT = timedelta(seconds=25)
"""A process that has said nothing for so long was away: it missed two beats."""
_BY_THE_MINUTE = timedelta(hours=25)
_AT_ONCE = timedelta(milliseconds=50)
_BATCH = 5000
_MINUTE = timedelta(minutes=1)
_API = "api"
Rows = Sequence[tuple[int, str, int, int]]


class LevelBook:
    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._queries: Mapping[str, Query] = named_sql.load(_HERE / "queries", database.dialect)
        self._clock = clock

    async def report(self, length: timedelta) -> Report:
        """Of the time until now."""
        now = self._clock.now()
        window, *burns = await asyncio.gather(*(self._window(now - one, now) for one in (length, *BURNS)))
        lately = {shown(one): seen for one, (seen, _) in zip(BURNS, burns, strict=True)}
        seen, there = window
        died = await self._died(now - length)
        return judge(Window(now - length, now, there.since, died), seen, lately)

    async def outages(self, length: timedelta) -> Sequence[tuple[datetime, datetime]]:
        """In which no API was there, and nobody had asked it to go."""
        now = self._clock.now()
        return (await self._available(now - length, now)).outages

    async def beat(self, process: str, role: str) -> None:
        """That it is there. Raises `DatabaseUnavailable`: then it is not."""
        await self._database.write(self._queries["beat"], process=process, role=role, gap=_us(SILENT))

    async def end(self, process: str) -> None:
        """It was asked to stop."""
        await self._database.write(self._queries["end_span"], process=process, gap=_us(SILENT))

    async def put(self, process: str, rows: Rows) -> None:
        """Totals of minutes; written again, they count once."""
        if rows:
            await self._database.write(
                self._queries["put_counts"], rows=[(at, process, kind, bucket, n) for at, kind, bucket, n in rows]
            )

    async def sweep(self) -> timedelta | None:
        """A role: minutes of more than a day ago become hours, and what is older than 90 days goes. In batches."""
        now = self._clock.now()
        moved = await self._swept("roll_up", _minute(now - _BY_THE_MINUTE) // 60 * 60)
        gone = await self._swept("forget_counts", _minute(now - LONGEST))
        await self._swept("forget_spans", to_micros(now - LONGEST))
        return _AT_ONCE if max(moved, gone) >= _BATCH else None

    async def _swept(self, name: str, before: int) -> int:
        (row,) = await self._database.write(self._queries[name], before=before, batch=_BATCH)
        return row["swept"]

    async def _window(self, since: datetime, until: datetime) -> tuple[dict[str, Events], Available]:
        counts, there = await asyncio.gather(self._counts(since), self._available(since, until))
        seen = {
            one.of: events_of(counts[one.of], one.under) for one in OBJECTIVES if one.of in counts
        }  # fmt: skip
        seen[_API] = Events(there.known.total_seconds(), there.down.total_seconds())
        return seen, there

    async def _counts(self, since: datetime) -> dict[str, dict[int, int]]:
        """Of hours, those that begin within."""
        found: dict[str, dict[int, int]] = defaultdict(dict)
        for row in await self._database.read(self._queries["counts"], since=_minute(since)):
            found[row["kind"]][row["bucket"]] = row["count"]
        return found

    async def _available(self, since: datetime, until: datetime) -> Available:
        rows = await self._database.read(self._queries["spans"], role=_API, since=to_micros(since))
        spans = [
            Span(from_micros(row["began_at"]), from_micros(row["last_at"]), row["ended"] is not None) for row in rows
        ]
        return available(spans, since=since, until=until, beat=SILENT)

    async def _died(self, since: datetime) -> int:
        (row,) = await self._database.read(self._queries["died"], since=to_micros(since), gap=_us(SILENT))
        return row["died"]


def _minute(at: datetime) -> int:
    return to_micros(at) // _us(_MINUTE)


def _us(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
