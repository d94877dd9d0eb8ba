"""One run's events in order: those that are stored, then those that come, and pieces of text in between.

    follow ──► stored events after `after` ──► wait for a signal, or look again ──► … ──► the run has ended

Events carry `seq`; whoever reconnects gives the last one it saw. Deltas are not stored: a delta names its step, and
where its text begins, so that a snapshot and what follows fit together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

import orjson

from fairlead.agents.jsonable import decode
from fairlead.clock import Clock
from fairlead.database import Database, Query
from fairlead.errors import NotFound
from fairlead.runs.announcer import EVERY_FIGURE, EVERY_RUN, FIGURES, TOPIC
from fairlead.runs.body import FORGOTTEN, Messages, digests_in
from fairlead.runs.following import NO_EVENTS, PAGE, Delta, Follower, Followers
from fairlead.runs.payload import Payloads, is_kept
from fairlead.runs.rows import event_of
from fairlead.runs.run import Event
from fairlead.runs.told import Told

_WATCH_AGAIN = 5.0  # seconds
_MOST_CHANGES = 500  # that wait to be read
_MANY = 2_000  # events read at once
_LOOKS = 5  # after a run that is rolled back has ended


class Feed:
    def __init__(self, database: Database, queries: Mapping[str, Query], payloads: Payloads, *, clock: Clock) -> None:
        self._database = database
        self._queries = queries
        self._payloads = payloads
        self._clock = clock
        self._followers = Followers(database, queries, payloads)

    async def events(
        self, run_id: str, *, tenant: str = "default", after: int = 0, limit: int = PAGE, messages: bool = False
    ) -> list[Event]:
        """Events with a `seq` above `after`, oldest first. `messages`: model calls show the messages they were asked
        with, in place of digests."""
        rows = await self._database.read(
            self._queries["events"], tenant=tenant, run_id=run_id, after=after, limit=limit
        )
        events = [event_of(row, data=await self._payloads.load(row["data"])) for row in rows]
        return await self._asked(events, tenant, run_id) if messages else events

    async def history(self, run_id: str, *, tenant: str = "default", after: int = 0) -> list[Event]:
        """All events with a `seq` above `after`, oldest first, with the messages that models were asked with."""
        events: list[Event] = []
        while page := await self.events(run_id, tenant=tenant, after=events[-1].seq if events else after, limit=_MANY):
            events += page
            if len(page) < _MANY:
                break
        return await self._asked(events, tenant, run_id)

    async def told(self, run_id: str, *, tenant: str = "default", after: int = 0) -> Told:
        """The same, with what each carries as a `Body`."""
        found, messages = list[Any](), Messages()
        while page := await self._database.read(
            self._queries["told"], tenant=tenant, run_id=run_id, after=found[-1]["seq"] if found else after, limit=_MANY
        ):
            found += page
            if len(page) < _MANY:
                break
        if any(row["kind"] == "model" for row in found):
            asked = await self._database.read(self._queries["messages"], tenant=tenant, run_id=run_id)
            messages.texts = {row["digest"]: row["body"] for row in asked}
        return Told([await self._with_text(row) if is_kept(row["data"]) else row for row in found], messages)

    async def _with_text(self, row: Any) -> tuple[Any, ...]:
        *fields, text = row
        return (*fields, await self._payloads.text(text))

    async def follow(
        self, run_id: str, *, tenant: str = "default", after: int = 0, deltas: bool = False, until_end: bool = True
    ) -> AsyncIterator[Event | Delta]:
        """Events as they come, and deltas if asked for; ends when the run has ended (`until_end`).

        Raises `NotFound` when there is no such run.
        """
        follower = self.follower(run_id, tenant=tenant, after=after, deltas=deltas)
        try:
            while True:
                for one in await follower.come():
                    yield one
                if follower.ended and until_end:
                    return
                await follower.news()
        finally:
            follower.close()

    def follower(self, run_id: str, *, tenant: str = "default", after: int = 0, deltas: bool = False) -> Follower:
        """The same for who has no task to spare. Close it when done."""
        return self._followers.open(run_id, tenant=tenant, after=after, deltas=deltas)

    async def changes(self) -> AsyncIterator[str]:
        """Ids of runs, of any tenant, as they change their status, or as what they have done so far is written down.
        Some may be missed when many change at once."""
        arrived: asyncio.Queue[str] = asyncio.Queue(maxsize=_MOST_CHANGES)

        def heard(said: str) -> None:
            for run_id in orjson.loads(said):
                if not arrived.full():
                    arrived.put_nowait(run_id)

        signals = self._database.signals
        stops = [signals.subscribe(topic, heard) for topic in (TOPIC, FIGURES)]
        try:
            while True:
                for wanted in (EVERY_RUN, EVERY_FIGURE):
                    signals.publish("watch", wanted)
                deadline = self._clock.monotonic() + _WATCH_AGAIN
                while (left := deadline - self._clock.monotonic()) > 0:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(left):
                            run_id = await arrived.get()
                        yield run_id
                    while not arrived.empty():  # many come together: a timer for each would cost more than the rest
                        yield arrived.get_nowait()
        finally:
            for stop in stops:
                stop()

    def on_changes(self, call: Callable[[], None]) -> Callable[[], None]:
        """Call it when runs have changed, whoever's; answers how to stop. `keep_watching` now and then."""
        stop = self._database.signals.subscribe(TOPIC, lambda _: call())
        self.keep_watching()
        return stop

    def keep_watching(self) -> None:
        self._database.signals.publish("watch", EVERY_RUN)

    async def ended(self, run_id: str, *, tenant: str = "default") -> None:
        """Wait until the run has ended, or needs a person. Raises `NotFound`."""
        follower = self.follower(run_id, tenant=tenant, after=NO_EVENTS)
        try:
            while True:
                await follower.come()
                if follower.ended:
                    return
                await follower.news()
        finally:
            follower.close()

    async def gone(self, run_id: str, *, tenant: str = "default") -> None:
        """Wait until the run has stopped and was removed, or its removal is left to retention."""
        with suppress(NotFound):
            await self.ended(run_id, tenant=tenant)
            follower = self.follower(run_id, tenant=tenant, after=NO_EVENTS)
            try:
                for _ in range(_LOOKS):
                    await follower.come()
                    await follower.news()
            finally:
                follower.close()

    async def _asked(self, events: list[Event], tenant: str, run_id: str) -> list[Event]:
        """The same with messages in place of digests. They are read once for all events, and those decoded that
        the events name: each is one value, however many calls repeat it."""
        named = {digest for event in events for digest in _digests(event)}
        if not named:
            return events
        rows = await self._database.read(self._queries["messages"], tenant=tenant, run_id=run_id)
        known = {row["digest"]: decode(row["body"]) for row in rows if row["digest"] in named}
        return [_with_messages(event, known) for event in events]


def _digests(event: Event) -> list[str]:
    return digests_in(event.data) if event.kind == "model" else []


def _with_messages(event: Event, known: Mapping[str, Any]) -> Event:
    digests = _digests(event)
    if not digests:
        return event
    asked = [known.get(digest, FORGOTTEN) for digest in digests]
    data = {**event.data, "request": {**event.data["request"], "messages": asked}}
    return Event(
        event.run_id, event.seq, event.type, event.at, event.kind, event.name, event.key, event.branch, event.digest,
        event.started_at, event.fence, data,
    )  # fmt: skip  # a fifth of the time of `replace`, and a long run has thousands
