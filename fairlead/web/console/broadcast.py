"""One drawing for all who are shown the same: each has a seat before a show, and the show is drawn once for all seats.

    first seat ──► a show begins ──► draw ──► what changed, to every seat ──► … ──► the last has left: it ends

Readers of one show may have different cuts of it before them: of a list that grows, each the rows of when they opened
it. All cuts are drawn at once, and what is the same in them once.

Whoever comes later is given everything as it is at the next drawing, which is at once where the show may be drawn. A
reader who is slow misses what lies between: they are given everything again when they have caught up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import aclosing
from contextvars import Context
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.runs.run import Event
from fairlead.web.console.door import Delta
from fairlead.web.console.live import Draw, Frames, Inbox, Listed, Parts, message, partials

DrawCuts = Callable[["list[Event | Delta]", Collection[Hashable]], Awaitable[tuple[Mapping[Hashable, Parts], bool]]]
"""The parts of each of the cuts that are watched."""

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
        self, key: Hashable, happenings: AsyncIterator[Event | Delta], draw: DrawCuts, *, every: timedelta,
        again: timedelta, cut: Hashable = None, known: Parts | None = None,
    ) -> AsyncIterator[bytes]:  # fmt: skip
        """Messages for a page: first everything as it is now, or what is not as the page has it (`known`), then what
        changes. Ends after the drawing says it is over, or fails: the browser comes back, and is told then. `key`: all
        that the drawing depends on, but for the `cut`; where there is a show of that, what else is given here, but for
        `known`, is not used."""
        show = self._shows.get(key)
        if show is None or show.over:
            # In an empty context: it outlives whoever came first.
            show = self._shows[key] = Context().run(Show, happenings, draw, self._clock, every=every, again=again)
        seat = show.enter(cut, known)
        try:
            async with aclosing(seat.messages()) as messages:
                async for one in messages:
                    yield one
        finally:
            if not show.leave(seat, cut):
                if self._shows.get(key) is show:
                    del self._shows[key]
                await show.close()


class Seat:
    """One who watches. `whole`: they have been given everything. `known`: what they came with."""

    def __init__(self, known: Parts | None = None) -> None:
        self.whole = False
        self.known = known
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


def whole(draw: Draw) -> DrawCuts:
    """Of which every cut is the whole."""

    async def drawn(pending: list[Event | Delta], cuts: Collection[Hashable]) -> tuple[Mapping[Hashable, Parts], bool]:
        parts, over = await draw(pending)
        return dict.fromkeys(cuts, parts), over

    return drawn


class Audience:
    """Those who watch one cut."""

    def __init__(self) -> None:
        self.seats: dict[Seat, None] = {}
        self._frames = Frames()
        self._parts: dict[str, str | Listed] = {}  # all of it, as drawn last

    def send(self, parts: Parts, *, number: int | None, heartbeat: bool) -> None:
        self._parts.update(parts)
        text = self._frames.changed(parts)
        fresh = message(text, number=number) if text else _HEARTBEAT if heartbeat else _NOTHING
        everything = _NOTHING
        for seat in self.seats:
            if seat.known is not None:
                seat.give(message(_since(seat.known, self._parts), number=number), whole=True)
                seat.known = None
            elif not seat.whole:
                everything = everything or message(partials(self._parts), number=number)
                seat.give(everything, whole=True)
            elif fresh:
                seat.give(fresh)


def _since(known: Parts, now: Parts) -> str:
    """What has changed; where nothing has, a part all the same: by it the page knows that it is up to date."""
    frames = Frames()
    frames.changed(known)
    return frames.changed(now) or partials(dict([next(iter(now.items()))]))


class Show:
    """What is drawn for its seats, while there are any.

    A drawing that takes long is made less often, so that watching costs about a tenth of a core at most; but what has
    happened is on the screen within a second, however long it had to wait for others.
    """

    def __init__(
        self, happenings: AsyncIterator[Event | Delta], draw: DrawCuts, clock: Clock, *, every: timedelta,
        again: timedelta,
    ) -> None:  # fmt: skip
        self.over = False
        self._audiences: dict[Hashable, Audience] = {}  # by the cut
        self._draw = draw
        self._clock = clock
        self._every = every
        self._again = again
        self._inbox = Inbox(happenings)
        self._begun = False
        self._task = asyncio.create_task(self._run())

    def enter(self, cut: Hashable, known: Parts | None = None) -> Seat:
        seat = Seat(known)
        self._audiences.setdefault(cut, Audience()).seats[seat] = None
        if self._begun:  # else they are given what is drawn first
            self._inbox.wake()
        return seat

    def leave(self, seat: Seat, cut: Hashable) -> bool:
        """Whether anybody is left."""
        seats = self._audiences[cut].seats
        del seats[seat]
        if not seats:
            del self._audiences[cut]
        return bool(self._audiences)

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
        for seat in self._seats():
            seat.end(failed)

    async def _go_on(self) -> None:
        pending: list[Event | Delta] = []
        while True:
            began, self._begun = self._clock.monotonic(), True
            drawn, over = await self._draw(pending, [*self._audiences])
            number = max((one.seq for one in pending if isinstance(one, Event)), default=None)
            for cut, parts in drawn.items():
                if (audience := self._audiences.get(cut)) is not None:
                    audience.send(parts, number=number, heartbeat=not pending)
            if over:
                for seat in self._seats():
                    seat.give(message("", event="ended"))
                return
            cost = timedelta(seconds=self._clock.monotonic() - began)
            await self._clock.sleep(max(self._every, min(cost * 10, _LATEST)))
            pending = await self._inbox.take(self._again)

    def _seats(self) -> list[Seat]:
        return [seat for audience in self._audiences.values() for seat in audience.seats]
