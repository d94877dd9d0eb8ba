"""Who follows runs in this process. Each wakes when there may be something new; what those who woke ask goes together.

    signal of the run, or the sweep ──► a follower wakes ──► `come` (one query for all who ask at that moment)

Signals may be lost, so everyone looks again now and then: a sweep wakes some each second, all within ten. A query each
second for each of 5 000 followers would leave a process no time for anything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from sys import intern

import orjson

from fairlead.database import Database, Gather, Query, Row
from fairlead.errors import NotFound
from fairlead.runs.payload import Payloads
from fairlead.runs.rows import event_of
from fairlead.runs.run import Event, Status

PAGE = 200
"""The most events in one look."""
NO_EVENTS = 2**31 - 1
"""Follow from here to learn of the end alone."""
_TOGETHER = 100  # looks in one query
_SWEEP_EVERY = 1.0  # seconds
_ROUND = 10  # sweeps in which everyone is woken; less than a watcher's word is good for
_AT_LEAST = 500  # woken by one sweep, when there are so many
_MOST_PIECES = 1000  # a slow reader loses pieces; the stored event has the whole


@dataclass(frozen=True, slots=True)
class Delta:
    """Text of an open model call: it begins at character `offset` of the whole. A new `attempt` voids earlier ones."""

    run_id: str
    step: str
    attempt: int
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """`ended`: it has ended, or needs a person. Events oldest first, at most `PAGE`."""

    ended: bool
    events: Sequence[Event]


class Followers:
    """Everyone of this process who follows a run."""

    def __init__(self, database: Database, queries: Mapping[str, Query], payloads: Payloads) -> None:
        self._database = database
        self._query = queries["look"]
        self._payloads = payloads
        self._all: dict[Follower, None] = {}  # in the order in which the sweep comes to them
        self._timer: asyncio.TimerHandle | None = None
        self._looks: Gather[tuple[str, str, int], Look | None] = Gather(self._look, limit=_TOGETHER)

    def open(self, run_id: str, *, tenant: str, after: int, deltas: bool = False) -> Follower:
        """Close it when done."""
        follower, signals = Follower(self, run_id, tenant, after), self._database.signals
        signals.listen(f"run:{run_id}", follower.nudge)
        if deltas:
            signals.listen(f"delta:{run_id}", follower.hear)
        self._all[follower] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SWEEP_EVERY, self._sweep)
        signals.publish("watch", run_id)  # whoever holds the run tells of it while somebody looks
        return follower

    def close(self, follower: Follower) -> None:
        self._all.pop(follower, None)
        self._database.signals.unlisten(f"run:{follower.run_id}", follower.nudge)
        self._database.signals.unlisten(f"delta:{follower.run_id}", follower.hear)

    async def look(self, tenant: str, run_id: str, after: int) -> Look:
        """Raises `NotFound`."""
        seen = await self._looks.put((tenant, run_id, after))
        if seen is None:
            raise NotFound(f"There is no run {run_id}.", hint="It was rolled back, or removed by retention.")
        return seen

    def _sweep(self) -> None:
        self._timer = None
        woken = [*self._all][: max(_AT_LEAST, len(self._all) // _ROUND + 1)]
        for follower in woken:
            del self._all[follower]
            self._all[follower] = None  # the last of the next round
            self._database.signals.publish("watch", follower.run_id)
            follower.nudge()
        if woken:
            self._timer = asyncio.get_running_loop().call_later(_SWEEP_EVERY, self._sweep)

    async def _look(self, asked: list[tuple[str, str, int]]) -> list[Look | None]:
        given = [(number, *one) for number, one in enumerate(asked)]
        found: list[list[Row]] = [[] for _ in asked]
        for row in await self._database.read(self._query, given, limit=PAGE):
            number: int = row["n"]
            found[number].append(row)
        return [await self._seen(rows) for rows in found]

    async def _seen(self, rows: Sequence[Row]) -> Look | None:
        """There is a row at least. Of a run without new events it holds no event; of one that is gone, no run."""
        state = rows[0]
        if state["run_status"] is None:
            return None
        ended = state["run_finished_at"] is not None or state["run_status"] == Status.INTERRUPTED
        stored = [row for row in rows if row["seq"] is not None]
        return Look(ended, [event_of(row, data=await self._payloads.load(row["data"])) for row in stored])


class Follower:
    """Follows one run: `come` answers what has come; `news`, or the callback of `on_news`, says when to ask again."""

    __slots__ = (
        "_followers",
        "_nudged",
        "_pieces",
        "_until",
        "after",
        "ended",
        "on_news",
        "run_id",
        "tenant",
    )

    def __init__(self, followers: Followers, run_id: str, tenant: str, after: int) -> None:
        self._followers = followers
        self.after = after  # the last event that was told
        self._nudged = True  # the first look is at once
        self._pieces: list[str] | None = None
        self._until: asyncio.Future[None] | None = None
        self.run_id = run_id
        self.tenant = intern(tenant)  # of thousands the same
        self.ended = False  # the run has, or needs a person, and all of it was told
        self.on_news: Callable[[], None] | None = None

    async def come(self) -> list[Event | Delta]:
        """Raises `NotFound` when there is no such run."""
        pieces, self._pieces = self._pieces or (), None
        come: list[Event | Delta] = [Delta(self.run_id, **orjson.loads(piece)) for piece in pieces]
        if self._nudged:
            self._nudged = False  # before the look: what comes during it wants another
            look = await self._followers.look(self.tenant, self.run_id, self.after)
            come += look.events
            if look.events:
                self.after = look.events[-1].seq
            self._nudged |= len(look.events) == PAGE
            self.ended = look.ended and len(look.events) < PAGE
        return come

    @property
    def waiting(self) -> bool:
        """There is something to ask for."""
        return self._nudged or self._pieces is not None

    async def news(self) -> None:
        if not self.waiting:
            self._until = asyncio.get_running_loop().create_future()
            await self._until

    def nudge(self, _: str = "") -> None:
        self._nudged = True
        self._wake()

    def hear(self, piece: str) -> None:
        if self._pieces is None:
            self._pieces = []
        if len(self._pieces) < _MOST_PIECES:
            self._pieces.append(piece)
            self._wake()

    def close(self) -> None:
        self._followers.close(self)

    def _wake(self) -> None:
        if self._until is not None and not self._until.done():
            self._until.set_result(None)
        if self.on_news is not None:
            self.on_news()
