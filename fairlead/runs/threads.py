"""Threads: what runs one after another share. A thread runs one run at a time and keeps what the last one left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fairlead.agents.jsonable import decode, encode
from fairlead.clock import Clock, from_micros
from fairlead.database import Call, Database, Query, Row
from fairlead.errors import Conflict, DatabaseUnavailable, InvalidInput, NotFound
from fairlead.runs.activity import Activity
from fairlead.runs.checkpoints import Checkpoints
from fairlead.runs.ids import Ids
from fairlead.runs.payload import Payloads, thread_scope
from fairlead.runs.run import user_of
from fairlead.runs.thread_status import ThreadStatus as ThreadStatus
from fairlead.runs.thread_status import status_of
from fairlead.store import Conversations

_ON_ITS_WAY = timedelta(days=1)  # to a database that may be away


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """How long a thread may go without a change; then it is forgotten, or with `keep_latest` what it kept before."""

    after: timedelta
    keep_latest: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    id: str
    tenant: str
    user: str | None
    metadata: dict[str, Any]
    status: ThreadStatus
    state: Any  # {"messages", "values", "output"} of the last run that succeeded; None before
    state_run_id: str | None
    active_run_id: str | None
    created_at: datetime
    updated_at: datetime


class Threads:
    """The door to threads for the API."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], payloads: Payloads, *, conversations: Conversations,
        ids: Ids, clock: Clock, ttl: timedelta | None = None,
    ) -> None:  # fmt: skip
        """`ttl`: of threads that are given none."""
        self._database = database
        self._queries = queries
        self._payloads = payloads
        self._conversations = conversations
        self._ids = ids
        self._clock = clock
        self.activity = Activity(database, queries, payloads)
        self._ttl = None if ttl is None else TimeToLive(ttl)
        self._checkpoints = Checkpoints(database, queries, payloads, ids=ids)

    async def create(
        self,
        thread_id: str | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        tenant: str = "default",
        if_exists: bool = False,
        user: str | None = None,
        ttl: TimeToLive | None = None,
    ) -> Thread:
        """A new thread; with `if_exists` the one that is there. Raises `Conflict`, `InvalidInput`."""
        thread_id = thread_id or self._ids.new()
        kept = _metadata(metadata or {})
        rows = await self._database.write(
            self._queries["create_thread"], tenant=tenant, id=thread_id, metadata=kept,
            user_id=user_of(user, metadata or {}),
        )  # fmt: skip
        if rows and (ttl := ttl or self._ttl) is not None:
            await self._database.write(self._queries["set_ttl"], tenant=tenant, id=thread_id, **_kept(ttl))
        if not rows and not if_exists:
            raise Conflict(f"There is a thread {thread_id} already.", hint='Send if_exists="do_nothing" to use it.')
        return await self.get(thread_id, tenant=tenant)

    async def get(self, thread_id: str, *, tenant: str = "default") -> Thread:
        """Raises `NotFound`."""
        rows = await self._database.read(self._queries["thread"], tenant=tenant, id=thread_id)
        if not rows:
            raise NotFound(f"There is no thread {thread_id}.", hint="Create it: POST /threads.")
        return await self._thread(rows[0])

    async def search(
        self,
        *,
        tenant: str = "default",
        metadata: Mapping[str, Any] | None = None,
        ids: Sequence[str] | None = None,
        user: str | None = None,
        status: ThreadStatus | None = None,
        limit: int = 10,
        offset: int = 0,
        sort_by: str | None = None,
        ascending: bool = False,
    ) -> list[Thread]:
        """Those that changed last first, unless another order is wanted."""
        rows = await self._database.read(
            self._queries["search_threads"], tenant=tenant, status=status, limit=limit, offset=offset, user_id=user,
            sort_by=sort_by or "updated_at", up=1 if ascending else -1,
            metadata=_metadata(metadata) if metadata else None, ids=encode(list(ids)).decode() if ids else None,
        )  # fmt: skip
        return [await self._thread(row) for row in rows]

    async def count(self, *, tenant: str = "default", **wanted: Any) -> int:
        """How many there are of what `search` would find, up to a million."""
        rows = await self._database.read(
            self._queries["count_threads"], tenant=tenant, status=wanted.get("status"), user_id=wanted.get("user"),
            metadata=_metadata(wanted["metadata"]) if wanted.get("metadata") else None,
            ids=encode(list(wanted["ids"])).decode() if wanted.get("ids") else None,
        )  # fmt: skip
        return rows[0]["count"]

    async def copy(self, thread: Thread, *, user: str | None) -> Thread:
        """A new thread with the metadata and the state of this one."""
        made = await self.create(metadata=thread.metadata, tenant=thread.tenant, user=user or thread.user)
        if thread.state is not None:
            await self._checkpoints.write(thread.tenant, made.id, thread.state, node="__copy__")
        return await self.get(made.id, tenant=thread.tenant)

    async def prune(self, thread_ids: Sequence[str], *, tenant: str = "default", keep_latest: bool) -> int:
        """Forget these threads, but for those with a run under way; or what they kept before. Answers how many."""
        pruned = 0
        for thread_id in thread_ids:
            with suppress(NotFound, Conflict):
                if keep_latest:
                    await self.get(thread_id, tenant=tenant)
                    await self._database.write(self._queries["keep_latest"], tenant=tenant, id=thread_id)
                    await self._sweep(tenant, thread_id)
                else:
                    await self.delete(thread_id, tenant=tenant)
                pruned += 1
        return pruned

    async def expire(self) -> timedelta | None:
        """A role: threads that nobody has changed for as long as they were given go, or keep only their last state."""
        await self._database.write(self._queries["still_used"])
        rows = await self._database.read(self._queries["expired_threads"])
        for row in rows:
            keep_latest = bool(decode(row["ttl"])["keep_latest"])
            await self.prune([row["id"]], tenant=row["tenant"], keep_latest=keep_latest)
            if keep_latest:
                await self._database.write(self._queries["expire_again"], tenant=row["tenant"], id=row["id"])
        return None

    async def describe(
        self, thread_id: str, metadata: Mapping[str, Any], *, tenant: str = "default", ttl: TimeToLive | None = None
    ) -> Thread:
        """Add to a thread's metadata; a key that is there gets the new value. Raises `NotFound`, `InvalidInput`."""
        if ttl is not None:
            await self._database.write(self._queries["set_ttl"], tenant=tenant, id=thread_id, **_kept(ttl))
        await self._database.write(
            self._queries["describe_thread"], tenant=tenant, id=thread_id, metadata=_metadata(metadata)
        )
        return await self.get(thread_id, tenant=tenant)

    async def delete(self, thread_id: str, *, tenant: str = "default") -> None:
        """Forget the thread and what it keeps; its runs stay. Raises `NotFound`, or `Conflict` while it is busy."""
        where = {"tenant": tenant, "id": thread_id}
        calls = [Call(self._queries[name], where) for name in ("delete_thread", "delete_checkpoints")]
        if (await self._database.write_all(calls))[0]:
            await self._payloads.blobs.delete_scope(thread_scope(tenant, thread_id))
            with suppress(DatabaseUnavailable):  # then it expires
                await self._conversations.forget(thread_id, tenant=tenant)
            return
        await self.get(thread_id, tenant=tenant)
        raise Conflict(f"Thread {thread_id} has a run that has not ended.", hint="Cancel the run first.")

    async def _sweep(self, tenant: str, thread_id: str) -> None:
        """Large states that it keeps no more. What is new may be on its way into a row."""
        rows = await self._database.read(self._queries["thread_states"], tenant=tenant, id=thread_id)
        await self._payloads.sweep(
            thread_scope(tenant, thread_id), [row["state"] for row in rows], before=self._clock.now() - _ON_ITS_WAY
        )

    async def _thread(self, row: Row) -> Thread:
        return Thread(
            id=row["id"],
            tenant=row["tenant"],
            user=row["user_id"],
            metadata=decode(row["metadata"]),
            status=status_of(row["active_status"], row["last_status"]),
            state=await self._payloads.load(row["state"]),
            state_run_id=row["state_run_id"],
            active_run_id=row["active_run_id"] if row["active_status"] in _OPEN else None,
            created_at=from_micros(row["created_at"]),
            updated_at=from_micros(row["updated_at"]),
        )


_OPEN = ("pending", "running", "interrupted")


def _kept(ttl: TimeToLive) -> dict[str, Any]:
    after_us = ttl.after // timedelta(microseconds=1)
    return {"ttl": encode({"us": after_us, "keep_latest": ttl.keep_latest}).decode(), "after_us": after_us}


def _metadata(given: Mapping[str, Any]) -> str:
    text = encode(dict(given)).decode()
    if "\\u0000" in text:
        raise InvalidInput("metadata must not hold NUL characters.")
    return text
