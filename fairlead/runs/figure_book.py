"""What became of runs in a period: read from the figures, and for the last moments from the runs themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from fairlead.agents.jsonable import encode
from fairlead.clock import from_micros
from fairlead.database import Database, Query, Row
from fairlead.runs.figures import (
    DAY,
    FINE,
    MICROS,
    Course,
    Ended,
    Range,
    Sums,
    ToolUse,
    bucket_of,
    cover,
    outcome,
    sums_of,
)
from fairlead.runs.run import Reason, Status

MOST = 10_000  # beyond that a count is "many"
_MOST_NAMES = 100
_MOST_TOOLS = 50
_MOST_TENANTS = 200
_MOST_STILL = 1000
_TRIES = 3
_ALL = 1000
T = TypeVar("T")
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


@dataclass(slots=True)
class OfRelease:
    """How its runs ended, and their times by bucket."""

    sums: Sums = field(default_factory=Sums)
    buckets: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, sums: Sums, *, buckets: Mapping[int, int]) -> None:
        self.sums += sums
        for bucket, count in buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count


class FigureBook:
    def __init__(self, database: Database, queries: Mapping[str, Query]) -> None:
        self._database = database
        self._queries = queries

    async def course(self, wanted: Wanted, *, cuts: Sequence[int], middle: int, finest: int) -> Course:
        """From the first of the cuts to the last, by what lies between them; times and tools from `middle` on. Cuts are
        minutes since 1970 at which a span of the finest grain begins."""
        return await self._steadily(lambda folds: self._read(wanted, folds, cuts, middle=middle, finest=finest))

    async def by_release(self, tenant: str, *, since: int, until: int) -> dict[str, OfRelease]:
        """Of runs that ended from one minute to another, at which spans of the finest grain begin."""

        async def read(folds: tuple[int, int]) -> dict[str, OfRelease]:
            rows, left = await asyncio.gather(
                self._ask("figures_by_release", cover((since, until), finest=FINE), tenant=tenant),
                self._left(Wanted((tenant,)), folds[0], since, until),
            )
            return _by_release(rows, left)

        return await self._steadily(read)

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

    async def _steadily(self, read: Callable[[tuple[int, int]], Awaitable[T]]) -> T:
        """Read again when some were counted meanwhile: they may have been told twice. A few times at most."""
        folds = await self._folds()
        found = await read(folds)
        for _ in range(_TRIES - 1):
            if (now := await self._folds()) == folds:
                break
            folds, found = now, await read(now)
        return found

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


def _by_release(rows: Sequence[Row], left: Sequence[Ended]) -> dict[str, OfRelease]:
    found: dict[str, OfRelease] = {}
    for row in rows:
        one = found.setdefault(row["release"], OfRelease())
        if row["kind"] == "time":
            one.add(Sums(), buckets={int(row["name"]): row["count"]})
        else:
            one.add(sums_of(row["name"], row["count"], row["took_us"], row["cost_nano"]), buckets={})
    for run in left:
        timed = run.status != Status.INTERRUPTED
        found.setdefault(run.release, OfRelease()).add(
            sums_of(outcome(run.status, run.reason), 1, run.executing_us, run.cost_nano),
            buckets={bucket_of(run.executing_us): 1} if timed else {},
        )
    return found


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
