"""What became of runs in a period: read from the figures, and for the last moments from the runs themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.agents.jsonable import encode
from fairlead.clock import from_micros
from fairlead.database import Database, Query, Row
from fairlead.runs.figures import DAY, MICROS, Course, Ended, Range, Sums, ToolUse, bucket_of, cover, outcome, sums_of
from fairlead.runs.run import Reason, Status

MOST = 10_000  # beyond that a count is "many"
_MOST_NAMES = 100
_MOST_TOOLS = 50
_MOST_TENANTS = 200
_MOST_STILL = 1000
_TRIES = 3
_ALL = 1000
_MOST_LEFT = 20_000  # runs that ended and are not counted yet: more than half a minute brings


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose runs: of all these tenants."""

    tenants: Sequence[str]
    agent: str | None = None
    release: str | None = None

    @property
    def filters(self) -> dict[str, Any]:
        return {"tenants": self.listed, "agent": self.agent, "release": self.release}

    @property
    def listed(self) -> str:
        return encode(list(self.tenants)).decode()

    def takes(self, run: Ended) -> bool:
        return (
            run.tenant in self.tenants and self.agent in (None, run.agent) and self.release in (None, run.release)
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class AtWork:
    """Now. `waiting` for a worker, one of them since `oldest`; neither is counted beyond `MOST`."""

    running: int
    waiting: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Still:
    """Runs that stand still until a person comes. `oldest`: when the first of them was accepted."""

    reason: Reason
    runs: int
    oldest: datetime


class FigureBook:
    def __init__(self, database: Database, queries: Mapping[str, Query]) -> None:
        self._database = database
        self._queries = queries

    async def course(self, wanted: Wanted, *, cuts: Sequence[int], middle: int, finest: int) -> Course:
        """From the first of the cuts to the last, by what lies between them; times and tools from `middle` on. Cuts are
        minutes since 1970 at which a span of the finest grain begins."""
        found = Course(min(cuts), max(cuts), {})
        for _ in range(_TRIES):
            folds = await self._folds()
            found = await self._read(wanted, folds, cuts, middle=middle, finest=finest)
            if await self._folds() == folds:
                return found
        return found  # some were counted while we looked, and may be told twice

    async def names(self, wanted: Wanted, *, since: int) -> tuple[list[str], list[str]]:
        """Agents and releases whose runs ended since, the ones used last first."""
        rows = await self._database.read(
            self._queries["figures_named"], tenants=wanted.listed, since=since // DAY * DAY, most=_MOST_NAMES
        )
        return list(dict.fromkeys(row["agent"] for row in rows)), list(dict.fromkeys(row["release"] for row in rows))

    async def tenants(self) -> list[str]:
        return [
            row["tenant"] for row in await self._database.read(self._queries["figures_tenants"], most=_MOST_TENANTS)
        ]

    async def at_work(self, wanted: Wanted) -> AtWork:
        rows = await self._database.read(self._queries["at_work"], most=MOST, **wanted.filters)
        found = {row["status"]: row for row in rows}
        running, waiting = found[Status.RUNNING], found[Status.PENDING]
        oldest = None if waiting["oldest"] is None else from_micros(waiting["oldest"])
        return AtWork(running["count"], waiting["count"], oldest)

    async def standing_still(self, wanted: Wanted) -> list[Still]:
        """Of each tenant those among the newest thousand that were interrupted."""
        query = self._queries["standing_still"]
        of_each = await asyncio.gather(
            *(self._database.read(query, tenant=one, most=_MOST_STILL) for one in wanted.tenants)
        )
        found: dict[Reason, Still] = {}
        for row in (row for rows in of_each for row in rows):
            one = Still(Reason(row["reason"]), row["count"], from_micros(row["oldest"]))
            other = found.get(one.reason, Still(one.reason, 0, one.oldest))
            found[one.reason] = Still(one.reason, one.runs + other.runs, min(one.oldest, other.oldest))
        return list(found.values())

    async def _folds(self) -> tuple[int, int]:
        """Until when and from when on runs are counted; 0 behind: all there are."""
        rows = await self._database.read(self._queries["folds"])
        return (rows[0]["ahead_at"], rows[0]["behind_at"]) if rows else (0, 0)

    async def _read(
        self, wanted: Wanted, folds: tuple[int, int], cuts: Sequence[int], *, middle: int, finest: int
    ) -> Course:
        since, until = min(cuts), max(cuts)
        whole = cover((middle, until), finest=finest)
        spans, times, tools, left = await asyncio.gather(
            self._ask("figures_over_time", cover(cuts, finest=finest), **wanted.filters),
            self._ask("figures_in_all", whole, kind="time", most=_ALL, **wanted.filters),
            self._ask("figures_in_all", whole, kind="tool", most=_MOST_TOOLS, **wanted.filters),
            self._left(wanted, folds[0], since, until),
        )
        found: dict[int, Sums] = {}
        for row in spans:
            sums = sums_of(row["name"], row["count"], row["took_us"], row["cost_nano"])
            found[row["minute"]] = found.get(row["minute"], Sums()) + sums
        buckets = {int(row["name"]): row["count"] for row in times}
        _add_left(found, buckets, left, finest=finest, middle=middle)
        used = tuple(ToolUse(row["name"], row["count"], row["failed"]) for row in tools)
        return Course(since, until, found, buckets, used, -(-folds[1] // MICROS))

    async def _ask(self, query: str, ranges: Sequence[Range], **given: Any) -> Sequence[Row]:
        return await self._database.read(self._queries[query], ranges, **given)

    async def _left(self, wanted: Wanted, ahead: int, since: int, until: int) -> list[Ended]:
        """What ended since the last count."""
        after = max(ahead, since * MICROS - 1)
        if after >= until * MICROS:
            return []
        rows = await self._database.read(
            self._queries["ended_runs"], after=after, until=until * MICROS - 1, most=_MOST_LEFT
        )
        found = (Ended(*(row[name] for name in Ended._fields)) for row in rows)
        return [run for run in found if wanted.takes(run)]


def _add_left(
    found: dict[int, Sums], buckets: dict[int, int], left: Sequence[Ended], *, finest: int, middle: int
) -> None:
    for run in left:
        start = run.finished_at // MICROS // finest * finest
        sums = sums_of(outcome(run.status, run.reason), 1, run.executing_us, run.cost_nano)
        found[start] = found.get(start, Sums()) + sums
        if start >= middle and run.status != Status.INTERRUPTED:
            bucket = bucket_of(run.executing_us)
            buckets[bucket] = buckets.get(bucket, 0) + 1
