"""Who follows runs in this process. Each wakes when there may be something new; what those who woke ask goes together.

    signal of the run, or the sweep ──► a follower wakes ──► looks (one query for all who look at that moment)

Signals may be lost, so everyone looks again now and then: a sweep wakes some each second, all within ten. A query each
second for each of 5 000 followers would leave a process no time for anything else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fairlead.database import Database, Gather, Query, Row
from fairlead.errors import NotFound
from fairlead.runs.run import Status

PAGE = 200
"""The most events in one look."""
_TOGETHER = 100  # looks in one query
_SWEEP_EVERY = 1.0  # seconds
_ROUND = 10  # sweeps in which everyone is woken; less than a watcher's word is good for
_AT_LEAST = 500  # woken by one sweep, when there are so many
_MOST_PIECES = 1000  # a slow reader loses pieces; the stored event has the whole


@dataclass(frozen=True, slots=True)
class Look:
    """`ended`: it has ended, or needs a person. Rows of events, oldest first, at most `PAGE`."""

    ended: bool
    rows: Sequence[Row]


class Follower:
    """What one who follows is told. Close it when done."""

    __slots__ = ("_pieces", "_stop", "_waiting", "nudged", "run_id")

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.nudged = True  # the first look is at once
        self._pieces: deque[str] | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._stop: tuple[Callable[[], None], ...] = ()

    def nudge(self, _: str = "") -> None:
        self.nudged = True
        self._wake()

    def hear(self, piece: str) -> None:
        if self._pieces is None:
            self._pieces = deque()
        if len(self._pieces) < _MOST_PIECES:
            self._pieces.append(piece)
            self._wake()

    def pieces(self) -> Sequence[str]:
        """Those that came since this was asked last."""
        pieces, self._pieces = self._pieces, None
        return pieces or ()

    async def news(self) -> None:
        """Until nudged, or a piece came."""
        if not self.nudged and not self._pieces:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

    def until_closed(self, *stop: Callable[[], None]) -> None:
        self._stop = stop

    def close(self) -> None:
        for stop in self._stop:
            stop()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


class Followers:
    """Everyone of this process who follows a run."""

    def __init__(self, database: Database, queries: dict[str, Query]) -> None:
        self._database = database
        self._query = queries["look"]
        self._all: dict[Follower, None] = {}  # in the order in which the sweep comes to them
        self._timer: asyncio.TimerHandle | None = None
        self._looks: Gather[tuple[str, str, int], Look | None] = Gather(self._look, limit=_TOGETHER)

    def open(self, run_id: str, *, deltas: bool) -> Follower:
        follower, signals = Follower(run_id), self._database.signals
        stop = [lambda: self._all.pop(follower, None), signals.subscribe(f"run:{run_id}", follower.nudge)]
        if deltas:
            stop.append(signals.subscribe(f"delta:{run_id}", follower.hear))
        follower.until_closed(*stop)
        self._all[follower] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SWEEP_EVERY, self._sweep)
        signals.publish("watch", run_id)  # whoever holds the run tells of it while somebody looks
        return follower

    async def look(self, tenant: str, run_id: str, after: int) -> Look:
        """Raises `NotFound`."""
        seen = await self._looks.put((tenant, run_id, after))
        if seen is None:
            raise NotFound(f"There is no run {run_id}.", hint="It may have been removed by retention.")
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
        found: list[list[Row]] = [list[Row]() for _ in asked]
        for row in await self._database.read(self._query, given, limit=PAGE):
            found[row["n"]].append(row)
        return [_seen(rows) for rows in found]


def _seen(rows: Sequence[Row]) -> Look | None:
    """One row at least: of a run without new events it holds no event, of one that is not there not even a run."""
    state = rows[0]
    if state["run_status"] is None:
        return None
    ended = state["run_finished_at"] is not None or state["run_status"] == Status.INTERRUPTED
    return Look(ended, rows if state["seq"] is not None else ())
