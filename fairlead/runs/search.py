"""Runs by what they are like, not only by what there is an index for: so only so many are looked at for one answer, and
the answer says how far that was.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fairlead.agents.jsonable import encode
from fairlead.clock import from_micros, to_micros
from fairlead.database import Database, Query, Row
from fairlead.runs.ids import first_id
from fairlead.runs.payload import Payloads
from fairlead.runs.rows import run_of
from fairlead.runs.run import Reason, Run, Status

LOOK = 50_000
_DEARER = 5  # times as long to look at what a run did as at the run
_FIRST, _LAST = "", "z" * 64  # of all ids, in the order of every database
_BEGINS_AN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}[0-9a-f-]{0,23}")  # its time, at least
_SKEW = timedelta(minutes=1)  # between the clock that made an id and that of the database
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """`since` and `until` are of when a run was accepted. `until` leaves out runs whose callers named them: their names
    tell no time. `text`: an id, a part of one, or words of the input. `model` and `tool`: that were asked and
    used, by the names the agent has for them; those of pruned runs are not known any more."""

    status: Status | None = None
    reason: Reason | None = None
    agent: str | None = None
    release: str | None = None
    user: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    least_cost_nano: int | None = None
    least_duration: timedelta | None = None
    text: str | None = None
    model: str | None = None
    tool: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Newest first. `looked_to`: the last that was looked at, where there are more behind it."""

    runs: tuple[Run, ...]
    looked_to: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A run that a worker holds, and since when nothing has been recorded of it."""

    run_id: str
    last_at: datetime


class Search:
    def __init__(
        self, database: Database, queries: Mapping[str, Query], payloads: Payloads, *, look: int = LOOK
    ) -> None:
        """`look`: so many runs are looked at for one answer; fewer, where what they did must be looked at."""
        self._database = database
        self._queries = queries
        self._payloads = payloads
        self._look = look

    async def older(self, wanted: Filter, *, tenant: str, before: str | None, limit: int) -> Found:
        """The newest, or those next to an id: `before` it. Of some, no more than could be looked at. What an id begins
        with finds those that it begins, however old they are, and others only where there are none."""
        last = _LAST if before is None else before
        if wanted.until is not None:
            last = min(last, first_id(wanted.until + _SKEW))
        oldest = _FIRST if wanted.since is None else first_id(wanted.since - _SKEW)
        bounds = {"tenant": tenant, "before": last, "oldest": oldest}
        look = self._most(wanted)
        if wanted.text is not None and _BEGINS_AN_ID.fullmatch(wanted.text):
            begun = {**bounds, "before": min(last, wanted.text + _LAST), "oldest": max(oldest, wanted.text)}
            if named := await self._read("search", wanted, **begun, look=look, limit=limit):
                return Found(tuple([await self._run(row) for row in named]))
        rows = await self._read("search", wanted, **bounds, look=look, limit=limit)
        runs = tuple([await self._run(row) for row in rows])
        if len(runs) >= limit:
            return Found(runs)
        ends = await self._database.read(self._queries["search_end"], **bounds, look=look - 1)
        return Found(runs, ends[0]["id"] if ends else None)

    async def newer(self, wanted: Filter, *, tenant: str, after: str, limit: int) -> tuple[Run, ...]:
        """Those just newer than an id; newest first, too."""
        newest = _LAST if wanted.until is None else first_id(wanted.until + _SKEW)
        rows = await self._read(
            "search_newer", wanted, tenant=tenant, after=after, newest=newest, look=self._most(wanted), limit=limit
        )  # fmt: skip
        return tuple([await self._run(row) for row in reversed(rows)])

    async def named(self, run_ids: Collection[str], *, tenant: str) -> list[Run]:
        """Those of the tenant, in no order; the others are left out."""
        if not run_ids:
            return []
        ids = encode(sorted(run_ids)).decode()
        rows = await self._database.read(self._queries["named"], tenant=tenant, ids=ids)
        return [await self._run(row) for row in rows]

    async def children(self, run_id: str, *, tenant: str, limit: int) -> list[Run]:
        """The oldest first; of more than `limit` the newest."""
        rows = await self._database.read(self._queries["children"], tenant=tenant, parent_id=run_id, limit=limit)
        return [await self._run(row) for row in reversed(rows)]

    async def held(self, *, tenant: str, most: int) -> list[Held]:
        rows = await self._database.read(self._queries["held_since"], tenant=tenant, most=most)
        return [Held(row["id"], from_micros(row["last_at"])) for row in rows if row["last_at"] is not None]

    def _most(self, wanted: Filter) -> int:
        return self._look if wanted.model is wanted.tool is None else max(self._look // _DEARER, 1)

    async def _read(self, name: str, wanted: Filter, **more: Any) -> Sequence[Row]:
        least = wanted.least_duration
        return await self._database.read(
            self._queries[name], status=wanted.status, reason=wanted.reason, agent=wanted.agent,
            release=wanted.release, user_id=wanted.user, since=_micros(wanted.since), until=_micros(wanted.until),
            least_cost=wanted.least_cost_nano, least_us=None if least is None else least // _MICROSECOND,
            text=wanted.text, written=_written(wanted.text), model=wanted.model, tool=wanted.tool, **more,
        )  # fmt: skip

    async def _run(self, row: Row) -> Run:
        return run_of(
            row, input=await self._payloads.load(row["input"]), output=await self._payloads.load(row["output"])
        )


def _written(text: str | None) -> str | None:
    """As it stands within JSON."""
    return None if text is None else encode(text.lower()).decode()[1:-1]


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)
