"""One run's events in order: those that are stored, then those that come, and pieces of text in between.

    follow ──► stored events after `after` ──► wait for a signal, or look again ──► … ──► the run has ended

Events carry `seq`; whoever reconnects gives the last one it saw. Deltas are not stored: a delta names its step, and
where its text begins, so that a snapshot and what follows fit together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson

from fairlead.agents.jsonable import decode
from fairlead.clock import Clock
from fairlead.database import Database, Query
from fairlead.errors import NotFound
from fairlead.runs.announcer import EVERY_RUN, TOPIC
from fairlead.runs.payload import Payloads
from fairlead.runs.rows import event_of
from fairlead.runs.run import Event, Status

_LOOK_AGAIN = timedelta(seconds=1)
_WATCH_AGAIN = 5.0  # seconds
_LOOKS = 5
_PAGE = 500
_FORGOTTEN = {"role": "system", "content": "(removed by retention)"}


@dataclass(frozen=True, slots=True)
class Delta:
    """Text of an open model call: it begins at character `offset` of the whole. A new `attempt` voids earlier ones."""

    run_id: str
    step: str
    attempt: int
    offset: int
    text: str


class Feed:
    def __init__(self, database: Database, queries: dict[str, Query], payloads: Payloads, *, clock: Clock) -> None:
        self._database = database
        self._queries = queries
        self._payloads = payloads
        self._clock = clock

    async def events(
        self, run_id: str, *, tenant: str = "default", after: int = 0, limit: int = _PAGE, messages: bool = False
    ) -> list[Event]:
        """Events with a `seq` above `after`, oldest first. `messages`: model calls show the messages they were asked
        with, in place of digests."""
        rows = await self._database.read(
            self._queries["events"], tenant=tenant, run_id=run_id, after=after, limit=limit
        )
        events = [event_of(row, data=await self._payloads.load(row["data"])) for row in rows]
        if not messages:
            return events
        known = await self._messages(tenant, run_id)
        return [_with_messages(event, known) for event in events]

    async def follow(
        self, run_id: str, *, tenant: str = "default", after: int = 0, deltas: bool = False, until_end: bool = True
    ) -> AsyncIterator[Event | Delta]:
        """Events as they come, and deltas if asked for; ends when the run has ended (`until_end`).

        Raises `NotFound` when there is no such run.
        """
        listener = _Listener(self._database, run_id, deltas=deltas)
        watched_at = self._watch(run_id)
        try:
            while True:
                listener.changed.clear()
                ended = await self._ended(tenant, run_id)  # asked before the events: none can come after it
                async for event in self._stored(run_id, tenant, after):
                    after = event.seq
                    yield event
                if ended and until_end:
                    return
                async for delta in listener.until_changed(_LOOK_AGAIN.total_seconds()):
                    yield delta
                if self._clock.monotonic() - watched_at > _WATCH_AGAIN:
                    watched_at = self._watch(run_id)
        finally:
            listener.close()

    async def changes(self) -> AsyncIterator[str]:
        """Ids of runs, of any tenant, as they change their status; some may be missed when many change at once."""
        arrived: asyncio.Queue[str] = asyncio.Queue(maxsize=_PAGE)

        def heard(said: str) -> None:
            for run_id in orjson.loads(said):
                if not arrived.full():
                    arrived.put_nowait(run_id)

        stop = self._database.signals.subscribe(TOPIC, heard)
        try:
            while True:
                self._watch(EVERY_RUN)
                deadline = self._clock.monotonic() + _WATCH_AGAIN
                while (left := deadline - self._clock.monotonic()) > 0:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(left):
                            run_id = await arrived.get()
                        yield run_id
        finally:
            stop()

    async def ended(self, run_id: str, *, tenant: str = "default") -> None:
        """Wait until the run has ended, or needs a person."""
        listener = _Listener(self._database, run_id, deltas=False)
        try:
            while True:
                self._watch(run_id)
                listener.changed.clear()
                if await self._ended(tenant, run_id):
                    return
                async for _ in listener.until_changed(_LOOK_AGAIN.total_seconds()):
                    pass
        finally:
            listener.close()

    async def gone(self, run_id: str, *, tenant: str = "default") -> None:
        """Wait until the run was removed, or its removal is left to retention."""
        with suppress(NotFound):
            await self.ended(run_id, tenant=tenant)
            listener = _Listener(self._database, run_id, deltas=False)
            try:
                for _ in range(_LOOKS):
                    listener.changed.clear()
                    await self._ended(tenant, run_id)
                    async for _ in listener.until_changed(_LOOK_AGAIN.total_seconds()):
                        pass
            finally:
                listener.close()

    def _watch(self, run_id: str) -> float:
        """Tell whoever holds the run that somebody looks."""
        self._database.signals.publish("watch", run_id)
        return self._clock.monotonic()

    async def _stored(self, run_id: str, tenant: str, after: int) -> AsyncIterator[Event]:
        while page := await self.events(run_id, tenant=tenant, after=after):
            for event in page:
                after = event.seq
                yield event
            if len(page) < _PAGE:
                return

    async def _ended(self, tenant: str, run_id: str) -> bool:
        rows = await self._database.read(self._queries["state"], tenant=tenant, id=run_id)
        if not rows:
            raise NotFound(f"There is no run {run_id}.", hint="It was rolled back, or removed by retention.")
        return rows[0]["finished_at"] is not None or rows[0]["status"] == Status.INTERRUPTED

    async def _messages(self, tenant: str, run_id: str) -> dict[str, Any]:
        rows = await self._database.read(self._queries["messages"], tenant=tenant, run_id=run_id)
        return {row["digest"]: decode(row["body"]) for row in rows}


class _Listener:
    """What the signals say of one run."""

    def __init__(self, database: Database, run_id: str, *, deltas: bool) -> None:
        self.changed = asyncio.Event()
        self._arrived: asyncio.Queue[Delta] = asyncio.Queue(maxsize=1000)
        self._run_id = run_id
        self._stop = [database.signals.subscribe(f"run:{run_id}", lambda _: self.changed.set())]
        if deltas:
            self._stop.append(database.signals.subscribe(f"delta:{run_id}", self._heard))

    async def until_changed(self, timeout: float) -> AsyncIterator[Delta]:
        """Deltas, until an event is stored or the time is over."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        changed = asyncio.ensure_future(self.changed.wait())
        try:
            while not changed.done() and (left := end - loop.time()) > 0:
                arrived = asyncio.ensure_future(self._arrived.get())
                await asyncio.wait([changed, arrived], timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if not arrived.done():
                    arrived.cancel()
                    continue
                yield arrived.result()
        finally:
            changed.cancel()

    def close(self) -> None:
        for stop in self._stop:
            stop()

    def _heard(self, said: str) -> None:
        delta = Delta(self._run_id, **orjson.loads(said))
        if not self._arrived.full():  # a slow reader loses pieces; the stored event has the whole
            self._arrived.put_nowait(delta)


def _with_messages(event: Event, known: Mapping[str, Any]) -> Event:
    data: dict[str, Any] = event.data or {}
    if event.kind != "model" or "request" not in data:
        return event
    request: dict[str, Any] = data["request"]
    digests: list[str] = request["messages"]
    asked = [known.get(digest, _FORGOTTEN) for digest in digests]
    return replace(event, data={**data, "request": {**request, "messages": asked}})
