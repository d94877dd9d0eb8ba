"""What model calls cost: the answers behind `fairlead costs` and GET /costs, read from the roll-ups.

Main path: `Costs.report` asks for the sums of each dimension, the course of time, and the dearest runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from fairlead.clock import from_micros
from fairlead.database import Database, Query, Row
from fairlead.errors import InvalidInput
from fairlead.gateway.period import DAY, HOUR, Period

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BY_THE_HOUR = timedelta(days=3)  # a longer period is told by the day
MOST = 1000


class Dimension(StrEnum):
    """What costs can be told by."""

    MODEL = "model"
    PROVIDER = "provider"
    AGENT = "agent"
    USER = "user"
    RELEASE = "release"
    KEY = "key"
    OUTCOME = "outcome"
    HOUR = "hour"
    DAY = "day"


_SUMMED_BY_DAY = {Dimension.MODEL, Dimension.AGENT, Dimension.USER, Dimension.KEY}
_STEPS = {Dimension.HOUR: HOUR, Dimension.DAY: DAY}


@dataclass(frozen=True, slots=True)
class Sums:
    """Of tries of model calls. `cached_in` and `cache_written` are part of `tokens_in`, `reasoning` of `tokens_out`.

    `hits`: calls our own cache answered. `saved_nano`: what it and the providers' caches saved.
    """

    calls: int = 0
    failed: int = 0
    hits: int = 0
    tokens_in: int = 0
    cached_in: int = 0
    cache_written: int = 0
    tokens_out: int = 0
    reasoning: int = 0
    cost_nano: int = 0
    saved_nano: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in _SUMS))


_SUMS = tuple(field.name for field in fields(Sums))


@dataclass(frozen=True, slots=True)
class Share:
    """One name's part of the whole; None stands for calls that had no such name."""

    name: str | None
    sums: Sums


@dataclass(frozen=True, slots=True)
class Moment:
    """The hour or day that begins at `at`."""

    at: datetime
    sums: Sums


@dataclass(frozen=True, slots=True)
class RunCost:
    """A run that made calls in the period, and all that it has cost."""

    run_id: str
    agent: str | None
    user: str | None
    release: str | None
    first_at: datetime
    last_at: datetime
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    cost_nano: int


@dataclass(frozen=True, slots=True)
class Report:
    """`over_time` has every hour or day of the period, also those without a call; `step` says which."""

    period: Period
    totals: Sums
    step: timedelta
    over_time: Sequence[Moment]
    by: Mapping[Dimension, Sequence[Share | Moment]]
    runs: Sequence[RunCost]


def parse_dimensions(text: str) -> tuple[Dimension, ...]:
    """ "model,user" → both, each once. Raises `InvalidInput`."""
    found: dict[Dimension, None] = {}
    for name in filter(None, (part.strip().lower() for part in text.split(","))):
        try:
            found[Dimension(name)] = None
        except ValueError:
            known = ", ".join(Dimension)
            raise InvalidInput(f"Costs can't be told by {name[:60]!r}.", hint=f"By one or more of: {known}.") from None
    return tuple(found)


def hour_of(moment: datetime) -> int:
    """Hours since 1970."""
    return (moment - _EPOCH) // HOUR


class Costs:
    def __init__(self, database: Database, queries: Mapping[str, Query]) -> None:
        self._database = database
        self._queries = queries

    async def over_time(self, tenant: str, period: Period, step: timedelta) -> Sequence[Moment]:
        """Every hour or day of the period, also those without a call; nothing else of a report."""
        return await self._over_time(tenant, period, step)

    async def shares(self, tenant: str, period: Period, dimension: Dimension, *, top: int) -> Sequence[Share]:
        """The dearest names of a dimension other than a time; nothing else of a report."""
        first, last = _whole_days(period) if dimension in _SUMMED_BY_DAY else (period.until, period.until)
        rows = await self._read(
            "costs_by", tenant, period, dimension=dimension.value, days=f"{dimension.value}_days",
            first_day=hour_of(first), last_day=hour_of(last), top=top,
        )  # fmt: skip
        return [Share(row["name"] or None, _sums(row)) for row in rows]

    async def report(self, tenant: str, period: Period, *, by: Iterable[Dimension], top: int) -> Report:
        """What one tenant's calls cost; of each dimension the `top` dearest names, and as many runs."""
        wanted = tuple(by)
        step = HOUR if period.length <= _BY_THE_HOUR else DAY
        (over_time, runs), shares = await asyncio.gather(
            asyncio.gather(self._over_time(tenant, period, step), self._runs(tenant, period, top)),
            asyncio.gather(*(self._by(tenant, period, dimension, top) for dimension in wanted)),
        )
        totals = sum((moment.sums for moment in over_time), Sums())
        return Report(period, totals, step, over_time, dict(zip(wanted, shares, strict=True)), runs)

    async def of_name(self, tenant: str, period: Period, dimension: Dimension, name: str, *, top: int) -> Report:
        """The same of one name alone, by nothing further. Its runs are those among the dearest of the period."""
        step = HOUR if period.length <= _BY_THE_HOUR else DAY
        given = {"grain": step // HOUR, "dimension": dimension.value, "name": name}
        rows, runs = await asyncio.gather(
            self._read("costs_of_name", tenant, period, **given), self._runs(tenant, period, MOST)
        )
        over_time = _every_moment(rows, period, step)
        totals = sum((moment.sums for moment in over_time), Sums())
        own = [run for run in runs if _OF_RUNS[dimension](run) == (name or None)] if dimension in _OF_RUNS else []
        return Report(period, totals, step, over_time, {}, own[:top])

    async def _by(self, tenant: str, period: Period, dimension: Dimension, top: int) -> Sequence[Share | Moment]:
        if dimension in _STEPS:
            return await self._over_time(tenant, period, _STEPS[dimension])
        return await self.shares(tenant, period, dimension, top=top)

    async def _over_time(self, tenant: str, period: Period, step: timedelta) -> Sequence[Moment]:
        rows = await self._read("costs_over_time", tenant, period, grain=step // HOUR)
        return _every_moment(rows, period, step)

    async def _runs(self, tenant: str, period: Period, top: int) -> Sequence[RunCost]:
        few = 2 * top // max(1, period.length // HOUR) + 2  # of each hour: enough, where they cost much the same
        return [_run_cost(row) for row in await self._read("costs_of_runs", tenant, period, top=top, few=few)]

    async def _read(self, query: str, tenant: str, period: Period, **more: Any) -> Sequence[Row]:
        since, until = hour_of(period.since), hour_of(period.until)
        return await self._database.read(self._queries[query], tenant=tenant, since=since, until=until, **more)


_NONE = Sums()
_OF_RUNS: Mapping[Dimension, Callable[[RunCost], str | None]] = {
    Dimension.AGENT: lambda run: run.agent, Dimension.USER: lambda run: run.user,
    Dimension.RELEASE: lambda run: run.release,
}  # fmt: skip


def _every_moment(rows: Sequence[Row], period: Period, step: timedelta) -> list[Moment]:
    """Also those without a call."""
    known, grain = {row["starts"]: _sums(row) for row in rows}, step // HOUR
    hours = range(hour_of(period.since) // grain * grain, hour_of(period.until), grain)
    return [Moment(_EPOCH + hour * HOUR, known.get(hour, _NONE)) for hour in hours]


def _whole_days(period: Period) -> tuple[datetime, datetime]:
    """Where the first whole day within the period begins and the last one ends; both its end where there is none."""
    first = period.since.replace(hour=0)
    first = first if first == period.since else first + DAY
    last = period.until.replace(hour=0)
    return (first, last) if first < last else (period.until, period.until)


def _sums(row: Row) -> Sums:
    return Sums(*(row[name] for name in _SUMS))


def _run_cost(row: Row) -> RunCost:
    return RunCost(
        run_id=row["run_id"],
        agent=row["agent"],
        user=row["user_id"],
        release=row["release"],
        first_at=from_micros(row["first_at"]),
        last_at=from_micros(row["last_at"]),
        calls=row["calls"],
        failed=row["failed"],
        tokens_in=row["tokens_in"],
        tokens_out=row["tokens_out"],
        cost_nano=row["cost_nano"],
    )
