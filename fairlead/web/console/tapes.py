"""What happened in the runs that are looked at, kept in memory: a click on a step and every open page of a run read
only what has come since, and fold only that.

Main path: `read`. A tape belongs to a tenant and a run, and whoever asks has been shown that run by the door before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson

from fairlead.clock import Clock
from fairlead.runs.run import Event
from fairlead.runs.told import Told
from fairlead.web.console import plain_steps, reading, steps
from fairlead.web.console.door import Door
from fairlead.web.console.waterfall import Waterfall

MOST_RUNS = 32
MOST_BYTES = 64 * 2**20
LASTS = timedelta(minutes=5)  # then it is read anew: what retention took away is gone here too
_AT_ONCE = 1_000  # events: some milliseconds
_EVENT = 1_500  # bytes of an event and its step, without what it carries
_MESSAGE = 8  # bytes of a message that was counted before
_ROOM = 6  # bytes of Python's values for one of JSON


class Tape:
    """The events of one run as far as they are known, and what they tell."""

    def __init__(self, made: float) -> None:
        self.made = made  # on the monotonic clock
        self.events: Sequence[Event] = []
        self.logs: list[Event] = []
        self.progress: Event | None = None  # the last that was told
        self.bytes = 0  # about
        self._telling = steps.Telling()
        self._told: dict[bool, steps.Story] = {}
        self._charts: dict[Hashable, Waterfall] = {}  # the last
        self._counted: set[int] = set()
        self._catching_up = asyncio.Lock()

    async def catch_up(self, door: Door, run_id: str) -> None:
        """Whoever comes while another reads waits for what is read."""
        async with self._catching_up:
            fresh = await door.events(run_id, after=self.events[-1].seq if self.events else 0)
            if isinstance(fresh, Told) and not self.events:
                await self._hear_all(fresh)
            elif fresh:
                self.add(fresh)

    async def _hear_all(self, told: Told) -> None:
        """In turns with others: a run of thousands of steps takes a while. Nobody sees a part of it."""
        telling = steps.Telling()
        for begin in range(0, len(told), _AT_ONCE):
            plain_steps.hear(telling, told, begin, begin + _AT_ONCE)
            await asyncio.sleep(0)
        self._telling = telling
        self._told.clear()
        self._charts.clear()
        self._keep(told)

    async def hear(self, events: Sequence[Event]) -> bool:
        """Take what a follower was told. False: it does not go on where we are, or holds less than what is read."""
        async with self._catching_up:
            last = self.events[-1].seq if self.events else 0
            fresh = [event for event in events if event.seq > last]
            if any(event.seq != last + number for number, event in enumerate(fresh, 1)) or any(map(_is_asked, fresh)):
                return False
            if fresh:
                self.add(fresh)
            return True

    def add(self, fresh: Sequence[Event]) -> None:
        self._told.clear()
        self._charts.clear()
        if isinstance(fresh, Told):
            plain_steps.hear(self._telling, fresh)
            self._keep(fresh)
        else:
            self._add(fresh)

    def _keep(self, told: Told) -> None:
        self.logs += told.of_type("log")
        self.progress = next(iter(told.of_type("progress")[-1:]), self.progress)
        self.bytes += len(told) * _EVENT + told.size
        self.events = [*self.events, *told] if self.events else told

    def _add(self, fresh: Sequence[Event]) -> None:
        self.events = events = self.events if isinstance(self.events, list) else [*self.events]
        for event in fresh:
            events.append(event)
            self._telling.hear(event)
            self.bytes += _size(event, self._counted)
            if event.type == "log":
                self.logs.append(event)
            elif event.type == "progress":
                self.progress = event

    def chart(self, key: Hashable, draw: Callable[[], Waterfall]) -> Waterfall:
        """The picture of a run that is over, drawn once. `key`: all that it depends on, but for the events."""
        chart = self._charts.get(key)
        if chart is None:
            chart = draw()
            if chart.now is None:
                self._charts.clear()
                self._charts[key] = chart
        return chart

    def story(self, texts: Mapping[str, str] | None = None, *, over: bool = False) -> steps.Story:
        """What `steps.fold` would tell of the same events."""
        if texts:
            return self._telling.told(texts, over=over)
        if over not in self._told:
            self._told[over] = self._telling.told({}, over=over)
        return self._told[over]


class Tapes:
    """Those that were asked for last, within bounds of their number and of their size."""

    def __init__(self, clock: Clock, *, most_runs: int = MOST_RUNS, most_bytes: int = MOST_BYTES) -> None:
        self._clock = clock
        self._most_runs = most_runs
        self._most_bytes = most_bytes
        self._kept: dict[tuple[str, str], Tape] = {}  # by tenant and run, the oldest use first

    async def read(self, door: Door, tenant: str, run_id: str, held: Tape | None = None) -> Tape:
        """All that happened until now. `held`: what the asker has of it, in case it was too large to be kept."""
        self._drop_old()
        key = tenant, run_id
        tape = self._kept.pop(key, None) or held or Tape(self._clock.monotonic())
        self._kept[key] = tape  # before it is read: who asks meanwhile waits for the same
        try:
            await tape.catch_up(door, run_id)
        except BaseException:
            self._kept.pop(key, None)
            raise
        self._make_room()
        return tape

    async def keep(self, tenant: str, run_id: str, tape: Tape) -> Tape:
        """For whoever asks next, what an open page has: it was told all that happened."""
        self._drop_old()
        self._kept.pop((tenant, run_id), None)
        self._kept[tenant, run_id] = tape
        self._make_room()
        return tape

    def _drop_old(self) -> None:
        oldest = self._clock.monotonic() - LASTS.total_seconds()
        for key in [key for key, tape in self._kept.items() if tape.made < oldest]:
            del self._kept[key]

    def _make_room(self) -> None:
        size = sum(tape.bytes for tape in self._kept.values())
        while self._kept and (len(self._kept) > self._most_runs or size > self._most_bytes):
            size -= self._kept.pop(next(iter(self._kept))).bytes


def _is_asked(event: Event) -> bool:
    """Its messages are read with the history: a follower is told their digests."""
    return bool(reading.items(event.data, "request", "messages"))


def _size(event: Event, counted: set[int]) -> int:
    """About how much memory it takes. A message that many calls repeat is one value."""
    messages = reading.items(event.data, "request", "messages")
    if not messages:
        return _EVENT + _ROOM * _length(event.data)
    size = _EVENT + _MESSAGE * len(messages)
    for message in messages:
        if id(message) not in counted:
            counted.add(id(message))
            size += _ROOM * _length(message)
    rest = {**event.data, "request": {**event.data["request"], "messages": None}}
    return size + _ROOM * _length(rest)


def _length(value: Any) -> int:
    return len(orjson.dumps(value, default=str)) if value is not None else 0
