"""What every try of a model call used, kept as rows and summed up for the cost report.

    add(row) ──► waiting ──► one statement for all that came within a moment ──► row and roll-ups

Whoever kills this process loses the rows of its last twenty milliseconds and what was on its way, and no more: a
transaction for each call would cost more than the call. While the database is
away rows wait in memory, up to a bound (some 25 MB); what comes beyond it is lost and told, with what it cost. Nothing
is written to disk instead: without the database no run goes on and no shared budget lends money, so few calls are made.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import islice
from random import Random
from typing import Any

import orjson

from fairlead.clock import Clock, from_micros, to_micros
from fairlead.database import Database, Query, Row
from fairlead.errors import DatabaseUnavailable
from fairlead.gateway.standing import OfLate, Recent, Tally
from fairlead.gateway.types import Attempt, Caller
from fairlead.gateway.value import value
from fairlead.telemetry.emit import Emit

_BATCH = 500  # rows in one statement
_GATHER = 0.02  # seconds
_MOST_WAITING = 50_000
_FIRST_PAUSE = timedelta(milliseconds=200)
_LONGEST_PAUSE = timedelta(seconds=5)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_TEXT = 200
_NEWEST = 10_000  # rows that are looked through, however many calls there were
# A provider may report any number. Two of the largest must not overflow a sum, or nothing more could be added to it.
_MOST_TOKENS = 10**12
_MOST_NANO = 10**15


@dataclass(frozen=True, slots=True)
class RunCalls:
    """The tries of a run's model calls."""

    failed: int
    last_at: datetime


@value
class UsageRow:
    """One try of a model call, on whose behalf.

    `cached`: our own cache answered and the call cost nothing; `saved_nano` is what it, or the provider's cache, saved.
    """

    caller: Caller
    attempt: Attempt
    saved_nano: int = 0
    streamed: bool = False
    cached: bool = False
    first_token: timedelta | None = None


class UsageLog:
    """Takes rows at once and writes them soon. Close it to have them written."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], *, clock: Clock, emit: Emit,
        most_waiting: int = _MOST_WAITING, new_id: Callable[[], int] | None = None,
    ) -> None:  # fmt: skip
        self._database = database
        self._query = queries["add_usage"]
        self._tallies = queries["usage_tallies"]
        self._of_runs = queries["usage_of_runs"]
        self._of_late = queries["usage_of_late"]
        self._clock = clock
        self._emit = emit
        self._most_waiting = most_waiting
        self._new_id = new_id or partial(Random().getrandbits, 63)
        self._waiting: deque[UsageRow] = deque()
        self._task: asyncio.Task[None] | None = None
        self._pause: asyncio.Future[None] | None = None
        self._closing = False
        self._lost = _Lost()

    def add(self, row: UsageRow) -> None:
        """Keep a row. Never waits, and never fails because of the database."""
        if len(self._waiting) >= self._most_waiting:
            self._lost.count((row,))
            return
        self._waiting.append(row)
        if self._task is None:
            # An empty context: the writing task must not count as a child of whoever added first.
            self._task = asyncio.get_running_loop().create_task(self._drain(), context=Context())

    async def tallies(self, since: datetime) -> list[Tally]:
        """What the calls of all processes came to since then, by provider."""
        rows = await self._database.read(self._tallies, since=to_micros(since))
        return [Tally(row["provider"], row["calls"], row["ok"], row["limited"], row["failed"]) for row in rows]

    async def of_runs(self, tenant: str, run_ids: Sequence[str]) -> dict[str, RunCalls]:
        """By run; those that have made no call are left out."""
        if not run_ids:
            return {}
        rows = await self._database.read(self._of_runs, tenant=tenant, ids=orjson.dumps(list(run_ids)).decode())
        return {row["run_id"]: RunCalls(row["failed"], from_micros(row["last_at"])) for row in rows}

    async def of_late(self, since: datetime, *, tenant: str, most: int = _NEWEST) -> OfLate:
        """The newest calls since then, of a tenant or (`*`) of all. Of more than `most` only those count."""
        rows = await self._database.read(self._of_late, since=to_micros(since), tenant=tenant, most=most)
        providers, models = ([row for row in rows if row["kind"] == kind] for kind in ("provider", "model"))
        return OfLate(tuple(map(_recent, providers)), tuple(map(_recent, models)))

    async def close(self) -> None:
        """Write what waits. What the database does not take now is lost, and told."""
        self._closing = True
        if self._pause is not None:
            self._pause.cancel()
        while self._task is not None:
            await asyncio.wait({self._task})
        self._tell_lost("closed")

    async def _drain(self) -> None:
        try:
            await self._gather()
            while self._waiting:
                batch = list(islice(self._waiting, _BATCH))
                await self._keep([_columns(row, self._new_id()) for row in batch])
                for _ in range(min(len(batch), len(self._waiting))):
                    self._waiting.popleft()
        finally:
            self._task = None

    async def _gather(self) -> None:
        if self._closing:
            return
        self._pause = asyncio.get_running_loop().create_future()
        timer = asyncio.get_running_loop().call_later(_GATHER, self._pause.cancel)
        await asyncio.wait({self._pause})  # cancelled earlier when we are closed
        timer.cancel()
        self._pause = None

    async def _keep(self, rows: list[Sequence[Any]]) -> None:
        """Until they are written or can't be. Written twice they count once."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._database.write(self._query, rows=rows)
            except DatabaseUnavailable as error:
                if self._closing:
                    self._give_up(str(error))
                    return
                self._tell_lost(str(error))
                await self._rest(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception as error:  # noqa: BLE001 - a value that can't be kept: the others must not suffer
                await self._keep_each(rows, error)
                return
            else:
                self._tell_lost("full")
                return

    async def _keep_each(self, rows: list[Sequence[Any]], error: Exception) -> None:
        if len(rows) == 1:
            self._emit("usage_lost", rows=1, cost_nano=rows[0][_COST], reason=str(error))
            return
        middle = len(rows) // 2
        await self._keep(rows[:middle])
        await self._keep(rows[middle:])

    async def _rest(self, pause: timedelta) -> None:
        self._pause = asyncio.ensure_future(self._clock.sleep(pause))
        await asyncio.wait({self._pause})  # cancelled when we are closed
        self._pause = None

    def _give_up(self, reason: str) -> None:
        self._lost.count(self._waiting)
        self._waiting.clear()
        self._tell_lost(reason)

    def _tell_lost(self, reason: str) -> None:
        if self._lost.rows:
            self._emit("usage_lost", rows=self._lost.rows, cost_nano=self._lost.cost_nano, reason=reason)
            self._lost = _Lost()


def _recent(row: Row) -> Recent:
    return Recent(
        row["name"], row["calls"], row["ok"], row["limited"], row["failed"], from_micros(row["last_at"]),
        *(None if row[name] is None else row[name] * _MICROSECOND for name in ("p50_us", "p95_us")),
    )  # fmt: skip


class _Lost:
    """What could not be kept, until it is told."""

    __slots__ = ("cost_nano", "rows")

    def __init__(self) -> None:
        self.rows = 0
        self.cost_nano = 0

    def count(self, rows: Iterable[UsageRow]) -> None:
        for row in rows:
            self.rows += 1
            self.cost_nano += row.attempt.cost_nano


_COST = 17  # where `_columns` has the cost


def _columns(row: UsageRow, identity: int) -> Sequence[Any]:
    """In the order of `add_usage.sql`."""
    who, attempt, used = row.caller, row.attempt, row.attempt.usage
    counts = used.tokens_in, used.cached_in, used.cache_written, used.tokens_out, used.reasoning
    if min(counts) < 0 or max(counts) > _MOST_TOKENS:
        counts = [_bounded(count, _MOST_TOKENS) for count in counts]
    tokens_in, cached_in, cache_written, tokens_out, reasoning = counts
    return (
        to_micros(attempt.started_at),
        identity,
        _text(who.tenant) or "default",
        _text(who.run_id) if who.run_id else None,
        _text(attempt.provider) or "",
        _text(attempt.model) or "",
        _text(who.agent) if who.agent else None,
        _text(who.user) if who.user else None,
        _text(who.release) if who.release else None,
        _text(who.key) if who.key else None,
        _text(attempt.outcome) or "",
        tokens_in,
        cached_in,
        cache_written,
        tokens_out,
        reasoning,
        used.estimated,
        _bounded(attempt.cost_nano, _MOST_NANO),
        max(-_MOST_NANO, min(row.saved_nano, _MOST_NANO)) if row.saved_nano else 0,
        attempt.took // _MICROSECOND,
        None if row.first_token is None else row.first_token // _MICROSECOND,
        row.streamed,
        row.cached,
    )


@lru_cache(maxsize=4096)
def _text(value: str | None) -> str | None:
    """Names come from callers: what no database holds, and what has no end, is left out."""
    if not value:
        return None
    if value.isprintable() and len(value) <= _LONGEST_TEXT:
        return value
    return "".join(character if character.isprintable() else "\ufffd" for character in value[:_LONGEST_TEXT])


def _bounded(value: int, most: int) -> int:
    return 0 if value < 0 else min(value, most)
