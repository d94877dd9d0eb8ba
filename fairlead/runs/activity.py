"""Threads by their latest activity, as a list for people: pages by key, each with the last run of its thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fairlead.agents.jsonable import decode, encode
from fairlead.clock import from_micros
from fairlead.database import Database, Query, Row
from fairlead.runs.payload import Payloads
from fairlead.runs.thread_status import ThreadStatus, status_of

LOOKED_AT = 5000  # threads that one page looks through for those that fit
_BEYOND = 2**62
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class ThreadsWanted:
    """Which threads; None: any."""

    user: str | None = None
    status: ThreadStatus | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: behind the thread of this id, which changed last at this time."""

    at: int = _BEYOND  # microseconds
    id: str = ""


@dataclass(frozen=True, slots=True)
class LastRun:
    id: str
    agent: str
    input: Any


@dataclass(frozen=True, slots=True)
class ActiveThread:
    id: str
    user: str | None
    metadata: dict[str, Any]
    status: ThreadStatus
    last_run: LastRun | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """`further`: where to look on; `enough`: the page is full, and not just as far as one looks at once."""

    threads: tuple[ActiveThread, ...]
    further: Place | None = None
    enough: bool = True


class Activity:
    def __init__(self, database: Database, queries: Mapping[str, Query], payloads: Payloads) -> None:
        self._database = database
        self._queries = queries
        self._payloads = payloads

    async def latest(
        self, wanted: ThreadsWanted, *, tenant: str, after: Place | None = None, limit: int = 50,
        looked_at: int = LOOKED_AT,
    ) -> ThreadPage:  # fmt: skip
        """A page of those that fit, the latest activity first. It looks through so many and no more, whatever fits."""
        start = after or Place()
        if wanted.status is None and not wanted.metadata:
            looked_at = limit + 1  # all of them fit
        given = {"tenant": tenant, "before_at": start.at, "before_id": start.id, "looked_at": looked_at}
        more = {} if wanted.user is None else {"user_id": wanted.user}
        name = "latest_threads" if wanted.user is None else "latest_threads_of_user"
        rows = await self._database.read(
            self._queries[name], **given, **more, limit=limit + 1, status=wanted.status,
            metadata=encode(dict(wanted.metadata)).decode() if wanted.metadata else None,
        )  # fmt: skip
        threads = tuple([await self._thread(row) for row in rows[:limit]])
        if len(rows) > limit:
            return ThreadPage(threads, Place(rows[limit - 1]["updated_at"], rows[limit - 1]["id"]))
        name = "looked_through" if wanted.user is None else "looked_through_of_user"
        last = await self._database.read(self._queries[name], **given, **more)
        return ThreadPage(threads, Place(last[0]["updated_at"], last[0]["id"]) if last else None, enough=not last)

    async def beginning(self, text: str, *, tenant: str, limit: int) -> list[str]:
        """Ids of threads that are this text or begin with it."""
        rows = await self._database.read(
            self._queries["threads_beginning"], tenant=tenant, first=text, beyond=text + _LAST, limit=limit
        )
        return [row["id"] for row in rows]

    async def _thread(self, row: Row) -> ActiveThread:
        last = None
        if row["last_run_id"] is not None:
            last = LastRun(row["last_run_id"], row["last_agent"], await self._payloads.load(row["last_input"]))
        return ActiveThread(
            row["id"], row["user_id"], decode(row["metadata"]), status_of(row["active_status"], row["last_status"]),
            last, from_micros(row["created_at"]), from_micros(row["updated_at"]),
        )  # fmt: skip
