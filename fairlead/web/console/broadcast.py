"""One drawing for all who are shown the same: each has a seat before a show, and the show is drawn once for all seats.

    first seat ──► a show begins ──► draw ──► what changed, to every seat ──► … ──► the last has left: it ends

Whoever comes later is given everything as it is at the next drawing, which is at once where the show may be drawn. A
reader who is slow misses what lies between: they are given everything again when they have caught up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from contextlib import aclosing
from contextvars import Context
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.runs.run import Event
from fairlead.web.console.door import Delta
from fairlead.web.console.live import Draw, Frames, Inbox, Listed, Parts, message, partials

MOST_BEHIND = 8  # messages that wait for a slow reader
_LATEST = timedelta(seconds=0.8)
_HEARTBEAT = b": alive\n\n"
_NOTHING = b""


class Broadcasts:
    """The shows that somebody watches."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shows: dict[Hashable, Show] = {}

    async def watch(
        self, key: Hashable, happenings: AsyncIterator[Event | Delta], draw: Draw, *, every: timedelta, again: timedelta
    ) -> AsyncIterator[bytes]:
        """Messages for a page: first everything as it is now, then what changes. Ends after the drawing says it is
        over, or fails: the browser comes back, and is told then. `key`: all that the drawing depends on; where there
        is a show of that, what is given here is not used."""
        show = self._shows.get(key)
        if show is None or show.over:
            # In an empty context: it outlives whoever came first.
            show = self._shows[key] = Context().run(Show, happenings, draw, self._clock, every=every, again=again)
        seat = show.enter()
        try:
            async with aclosing(seat.messages()) as messages:
                async for one in messages:
                    yield one
        finally:
            del show.seats[seat]
            if not show.seats:
                if self._shows.get(key) is show:
                    del self._shows[key]
                await show.close()


class Seat:
    """One who watches. `whole`: they have not been given everything."""

    def __init__(self) -> None:
        self.whole = False
        self.over = False
        self.failed: Exception | None = None
        self._waiting: deque[bytes] = deque()
        self._news = asyncio.Event()

    def give(self, data: bytes, *, whole: bool = False) -> None:
        if whole:
            self._waiting.clear()
            self.whole = True
        elif len(self._waiting) >= MOST_BEHIND:
            self._waiting.clear()
            self.whole = False
            return
        self._waiting.append(data)
        self._news.set()

    def end(self, failed: Exception | None) -> None:
        self.over, self.failed = True, failed
        self._news.set()

    async def messages(self) -> AsyncGenerator[bytes, None]:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                yield self._waiting.popleft()
            if self.over:
                if self.failed is not None:
                    raise self.failed
                return


class Show:
    """What is drawn for its seats, while there are any.

    A drawing that takes long is made less often, so that watching costs about a tenth of a core at most; but what has
    happened is on the screen within a second, however long it had to wait for others.
    """

    def __init__(
        self, happenings: AsyncIterator[Event | Delta], draw: Draw, clock: Clock, *, every: timedelta, again: timedelta
    ) -> None:
        self.seats: dict[Seat, None] = {}
        self.over = False
        self._draw = draw
        self._clock = clock
        self._every = every
        self._again = again
        self._inbox = Inbox(happenings)
        self._frames = Frames()
        self._parts: dict[str, str | Listed] = {}  # all of it, as drawn last
        self._task = asyncio.create_task(self._run())

    def enter(self) -> Seat:
        seat = Seat()
        self.seats[seat] = None
        if self._parts:  # else they are given what is being drawn
            self._inbox.wake()
        return seat

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._inbox.aclose()

    async def _run(self) -> None:
        failed: Exception | None = None
        try:
            await asyncio.sleep(0)  # listen before looking: what happens in between is then heard, not missed
            await self._go_on()
        except FairleadError:
            pass
        except Exception as error:  # noqa: BLE001 whoever watches raises it, where the server hears of it
            failed = error
        self.over = True
        for seat in self.seats:
            seat.end(failed)

    async def _go_on(self) -> None:
        pending: list[Event | Delta] = []
        while True:
            began = self._clock.monotonic()
            parts, over = await self._draw(pending)
            self._send(parts, pending)
            if over:
                for seat in self.seats:
                    seat.give(message("", event="ended"))
                return
            cost = timedelta(seconds=self._clock.monotonic() - began)
            await self._clock.sleep(max(self._every, min(cost * 10, _LATEST)))
            pending = await self._inbox.take(self._again)

    def _send(self, parts: Parts, pending: list[Event | Delta]) -> None:
        self._parts.update(parts)
        text = self._frames.changed(parts)
        number = max((one.seq for one in pending if isinstance(one, Event)), default=None)
        fresh = message(text, number=number) if text else _NOTHING if pending else _HEARTBEAT
        everything = _NOTHING
        for seat in self.seats:
            if not seat.whole:
                everything = everything or message(partials(self._parts), number=number)
                seat.give(everything, whole=True)
            elif fresh:
                seat.give(fresh)
