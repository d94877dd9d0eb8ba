"""A run in the hands of a worker: its counters, what is under way in it, and how it will be left.

work under way, nothing awaited  ──►  goes on
nothing under way, only waits    ──►  parked: the agent's task is cancelled, the run gives its slot back
halt(ending)                     ──►  the first ending counts; the task is cancelled
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fairlead.agents.jsonable import encode
from fairlead.agents.spec import AgentSpec
from fairlead.clock import Clock
from fairlead.gateway.run_budget import RunBudget
from fairlead.runs.book import Book
from fairlead.runs.deltas import Deltas
from fairlead.runs.ending import DRAINED, FENCED, Ending
from fairlead.runs.journal import Entry, Journal, Said
from fairlead.runs.run import Reason, Run, Status
from fairlead.runs.step import Step

T = TypeVar("T")
_LINGER = timedelta(milliseconds=50)  # cheap code between steps gets this long before its run is parked
_SHORT = timedelta(seconds=1)  # a wait this short is not worth parking
_LOOK_AGAIN = timedelta(seconds=1)
_ANY = 2**31 - 1  # a timer is woken by nobody
_NOT_LOOKED = -1
_NO_STEP = (None, None, "", None, "", None)  # what belongs to the whole run


@dataclass(frozen=True, slots=True)
class Wait:
    reason: Reason  # timer, child or approval
    due: datetime | None  # None: until somebody wakes it
    seen: int = _ANY  # wake-ups counted before it was last looked for: a later one must not be lost


class Holding:
    """One claim of one run."""

    __slots__ = (
        "_activity", "_entries", "_kept", "_lingering", "_poked", "_waits", "_writing", "book", "budget", "clock",
        "deltas", "draining", "ending", "fence", "figures_shown", "journal", "left", "progress", "run", "seq", "spec",
        "started", "steps", "task", "tokens_in", "tokens_out", "told", "under_way", "watched",
    )  # fmt: skip

    def __init__(
        self,
        run: Run,
        spec: AgentSpec,
        book: Book,
        budget: RunBudget,
        *,
        journal: Journal,
        clock: Clock,
        told: Callable[[Holding], None],
    ) -> None:
        self.run = run
        self.spec = spec
        self.book = book
        self.budget = budget
        self.journal = journal
        self.clock = clock
        self.told = told  # called when something durable was written
        self.fence = run.fence
        self.seq = run.seq
        self.started = clock.monotonic()
        self.steps = 0
        self.tokens_in = 0
        self.tokens_out = 0
        self.progress = run.progress
        self.figures_shown: tuple[int, ...] = ()
        self.under_way = 0
        self.watched = False
        self.draining = False
        self.left = True  # the agent's code is not running (yet, or any more): what surrounds it must not be cancelled
        self.deltas: Deltas | None = None
        self.ending: Ending | None = None
        self.task: asyncio.Task[None] | None = None
        self._waits: dict[str, Wait] | None = None
        self._entries: list[asyncio.Future[bool]] | None = None
        self._kept: set[str] | None = None  # digests of what was said, as far as it is durable
        self._poked: asyncio.Future[None] | None = None
        self._activity = 0
        self._writing = 0
        self._lingering: asyncio.TimerHandle | None = None

    @property
    def executing(self) -> timedelta:
        """Over all attempts so far."""
        return self.run.executing + timedelta(seconds=self.clock.monotonic() - self.started)

    def halt(self, ending: Ending) -> None:
        """Leave the run like this. Only the first call counts."""
        if self.ending is None:
            self.ending = ending
            self._insist()

    def _insist(self) -> None:
        """An agent that swallows its cancellation is cancelled again, each second, until it lets go."""
        if self.task is not None and not self.left:
            self.task.cancel()
            asyncio.get_running_loop().call_later(_LOOK_AGAIN.total_seconds(), self._insist)

    async def record(self, type: str, step: Step, data: bytes, said: Sequence[Said] = ()) -> None:
        """Durable on return, with the messages that were `said`. The run is halted when it is no longer ours."""
        if len(data) > self.journal.payloads.threshold:
            text = await self.journal.keep(self.run.id, data)
        else:
            text = data.decode()
        self._writing += 1  # stays so when we are cancelled while it is written
        self.begin()  # whoever has something to write is not waiting
        try:
            if not await self._append(type, step, text, said):
                self.halt(FENCED)
                raise asyncio.CancelledError
        finally:
            self.end()
        self._writing -= 1
        if self.watched:
            self.told(self)

    def not_kept(self, bodies: Mapping[str, bytes]) -> list[Said]:
        """Of these messages, by digest, those that this claim has not kept yet. A conversation is sent again with every
        call: what is known of it need not go to the database again."""
        run, kept = self.run, self._kept or ()
        return [(run.tenant, run.id, digest, body.decode()) for digest, body in bodies.items() if digest not in kept]

    def keeps(self, said: Sequence[Said]) -> None:
        """They are durable."""
        if self._kept is None:
            self._kept = set()
        self._kept.update([digest for _, _, digest, _ in said])

    def note(self, type: str, step: Step | None, value: Any) -> None:
        """Recorded with whatever is recorded next; durable at the latest when the run is put down."""
        if self._entries is None:
            self._entries = []
        self._entries.append(self._append(type, step, encode(value).decode()))
        if self.watched:
            self._entries[-1].add_done_callback(lambda _: self.told(self))

    def let_loose(self) -> None:
        """Nothing points back at us any more: a run that was left is freed at once, not when the collector comes."""
        self.deltas = self.task = None

    async def settle(self) -> None:
        """Wait for all entries. False answers show themselves when the run is put down."""
        if self._entries:
            await asyncio.wait(self._entries)
        if self._writing:
            await self.journal.caught_up()

    async def until(self, key: str, wait: Wait, check: Callable[[], Awaitable[T | None]]) -> T:
        """What `check` gives, as soon as it gives something. Meanwhile the run may be parked."""
        waits = self._waits = self._waits or {}
        # What it waits for may have come before this claim: until it has been looked for, the run must not be parked.
        waits[key] = wait if wait.reason is Reason.TIMER else replace(wait, seen=_NOT_LOOKED)
        try:
            while True:
                seen = wait.seen if wait.reason is Reason.TIMER else await self.journal.wakes(self.run)
                poked = self._next_poke()
                if (answer := await check()) is not None:
                    return answer
                waits[key] = replace(wait, seen=seen)  # not before we have looked: we may be parked in between
                self._consider_parking()
                await asyncio.wait([poked], timeout=self._patience(wait))
        finally:
            waits.pop(key, None)
            self._activity += 1

    def poke(self) -> None:
        """Something that is awaited may have come: look again."""
        if self._poked is not None and not self._poked.done():
            self._poked.set_result(None)

    def begin(self) -> None:
        self.under_way += 1
        self._activity += 1

    def end(self) -> None:
        self.under_way -= 1
        self._activity += 1
        if self.draining and self.under_way == 0:
            self.halt(DRAINED)
        elif self._waits:
            self._consider_parking()

    def drain(self) -> None:
        """Go back to the queue as soon as no step is under way."""
        self.draining = True
        if self.under_way == 0:
            self.halt(DRAINED)

    def _next_poke(self) -> asyncio.Future[None]:
        if self._poked is None or self._poked.done():
            self._poked = asyncio.get_running_loop().create_future()
        return self._poked

    def _patience(self, wait: Wait) -> float:
        if wait.due is None:
            return _LOOK_AGAIN.total_seconds()
        return max(0.0, min(_LOOK_AGAIN, wait.due - self.clock.now()).total_seconds())

    def _consider_parking(self) -> None:
        if self.under_way == 0 and self._waits and self.ending is None:
            if self._lingering is not None:
                self._lingering.cancel()
            loop = asyncio.get_running_loop()
            self._lingering = loop.call_later(_LINGER.total_seconds(), self._park_if_idle, self._activity)

    def _park_if_idle(self, activity: int) -> None:
        self._lingering = None
        if activity != self._activity or self.under_way or not self._waits or self.ending is not None:
            return
        if any(wait.seen == _NOT_LOOKED for wait in self._waits.values()):
            return  # whoever looks comes here again
        ending = parked(tuple(self._waits.values()))
        if ending.wake_at is None or ending.wake_at - self.clock.now() > _SHORT:
            self.halt(ending)

    def _append(self, type: str, step: Step | None, text: str, said: Sequence[Said] = ()) -> asyncio.Future[bool]:
        self.seq += 1
        run = self.run
        kind, name, digest, key, branch, started_at = step or _NO_STEP
        return self.journal.record(
            Entry(
                run.tenant, run.id, self.fence, self.seq, type, kind, name, key or None, branch, digest, started_at,
                self.clock.micros(), text,
            ),
            said,
        )  # fmt: skip


def parked(waits: tuple[Wait, ...]) -> Ending:
    """A run that only waits. It shows *interrupted* when nothing but a person can move it."""
    dues = [wait.due for wait in waits if wait.due is not None]
    reasons = {wait.reason for wait in waits}
    first = next(reason for reason in (Reason.CHILD, Reason.APPROVAL, Reason.TIMER) if reason in reasons)
    status = Status.INTERRUPTED if first is Reason.APPROVAL else Status.PENDING
    seen = min(wait.seen for wait in waits)
    return Ending(status, first, type="parked", wake_at=min(dues, default=None), wakes=seen)
