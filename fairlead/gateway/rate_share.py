"""One process's share of a rate: calls that fit into what it holds go at once, the others wait for their turn.

    take ──► goes                        from memory, in microseconds
      └──► admit ──► waits ──► goes      in turn, when the next exchange brings what it needs
                       └──► ModelLimited as soon as we know that it would wait too long

A task of its own exchanges with the other processes: at once when somebody waits, each second while calls go, and
seldom when none do. It ends when nothing has happened for minutes, and hands back what is held.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextvars import Context
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import ModelLimited
from fairlead.gateway.fair_queue import Place
from fairlead.gateway.rate import SECOND, Answer, Left, Limited, Rate, RateState
from fairlead.gateway.rate_ledger import Ledger
from fairlead.gateway.rate_line import RateLine, Wish
from fairlead.gateway.rate_store import RateStore
from fairlead.gateway.rate_waiting import Demand, Waiter, Waiting, refusal
from fairlead.gateway.types import Caller
from fairlead.telemetry.emit import Emit

_GAP = 0.02  # seconds between exchanges at least, however many wait
_BUSY, _QUIET = 1.0, 10.0  # seconds between exchanges while calls go, and while none do
_LOW = 0.1  # seconds until we ask for more
_IDLE = 300.0
_PATIENCE_S = 2.0
_MINUTE = 60.0
_BURST_S = 3.0  # what may be had at once: nobody is refused for less


class Share:
    """`parts`: into how many the rate is divided when nobody else can be asked and we don't know how many there are.
    `tell` gives other processes word of a pause."""

    def __init__(
        self,
        name: str,
        rate: Rate,
        *,
        process: str,
        store: RateStore,
        clock: Clock,
        emit: Emit,
        parts: int,
        tell: Callable[[], None],
    ) -> None:
        self.name = name
        self.rate = rate
        self._clock = clock
        self._emit = emit
        self._parts = parts
        self._tell_others = tell
        self._ledger = Ledger(rate)
        self._line = RateLine(name, process=process, store=store, ledger=self._ledger, clock=clock)
        self._waiting = Waiting(rate)
        self._demand = Demand()
        self._keeper: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[None] | None = None
        self._bell: asyncio.Future[None] | None = None
        self._answer: Answer | None = None
        self._asked_at = -math.inf
        self._ready_at = 0.0
        self._asked_for: Place[Waiter] | None = None
        self._served_at = 0.0
        self._wakes_at = math.inf
        self._touched_at = clock.monotonic()
        self._touched = self._low = self._urgent = self._alone_told = False

    def capped(self, tokens: int) -> int:
        """No call counts more than a minute's worth, or it could never go."""
        return tokens if self.rate.tokens is None else min(tokens, self.rate.tokens)

    def take(self, tokens: int) -> int | None:
        """The second in which the call counts, or None when it must wait."""
        return None if self._waiting else self._go(tokens, self._clock.monotonic())

    async def admit(self, tokens: int, caller: Caller, wait: timedelta) -> int:
        """The same, in turn. Raises ModelLimited once it is known that it can't go within `wait`."""
        now = self._clock.monotonic()
        waiter = Waiter(tokens, now, now + wait.total_seconds(), asyncio.get_running_loop().create_future())
        expected = self._expected_wait(tokens, now)
        if expected > wait.total_seconds():
            raise self._refusal(expected)
        place = self._waiting.put(waiter, caller)
        if len(self._waiting) == 1 or waiter.deadline < self._wakes_at:
            self._ring()
        try:
            return await waiter.going
        except asyncio.CancelledError:
            self._let_go(waiter)
            raise
        finally:
            self._waiting.drop(place)

    def correct(self, slot: int, requests: int, tokens: int) -> None:
        """A call of that second used so much more than it was admitted with, or less."""
        self._ledger.correct(slot, requests, tokens)
        self._touch(self._clock.monotonic())

    def limited(self, pause: timedelta | None) -> None:
        """The provider answered 429."""
        self._ledger.limited = Limited(None if pause is None else max(pause // timedelta(microseconds=1), 0))
        now = self._clock.monotonic()
        known = pause.total_seconds() if pause is not None else 1.0
        self._ledger.paused_until = max(self._ledger.paused_until, now + known)
        self._hurry()

    def told(self, left: Left) -> None:
        """The provider said what is left of its own limits."""
        self._ledger.left = left
        if left.requests == 0 or left.tokens == 0:
            self._hurry()

    def look(self) -> None:
        """Another process has news."""
        if self._keeper is not None and not self._keeper.done():
            self._urgent = True
            self._ring()

    def state(self) -> RateState:
        paused = max(self._ledger.paused_until - self._clock.monotonic(), 0.0)
        return RateState(
            model=self.name,
            rate=self.rate,
            factor=1.0 if self._answer is None else self._answer.factor,
            paused_for=timedelta(seconds=paused),
            waiting=len(self._waiting),
            held=(self._ledger.held[0], self._ledger.held[1]),
            shared=not self._line.alone,
            processes=self._line.peers,
        )

    @property
    def over(self) -> bool:
        """Nothing has happened for minutes, and nothing is held."""
        return self._keeper is not None and self._keeper.done()

    async def aclose(self) -> None:
        """Hands back what is held. Nobody may wait any more."""
        for task in (self._keeper, self._probe):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._answer is not None and not self._line.alone:
            await self._exchange(leaving=True)

    # -- calls that go

    def _go(self, tokens: int, now: float) -> int | None:
        slot = self._ledger.take(tokens, now)
        if slot is None:
            return None
        self._demand.note(tokens)
        if not self._low:
            held, half = self._ledger.held, self._demand.calls_ahead / 2
            if (held[0] < half or held[1] < half * tokens) and self._runs_low():
                self._low = True
                self._ring()
        self._touch(now)
        return slot

    def _runs_low(self) -> bool:
        held, ahead = self._ledger.held, self._ledger.counted(*self._demand.ahead)
        return held[0] < ahead[0] / 2 or held[1] < ahead[1] / 2

    def _touch(self, now: float) -> None:
        self._touched_at = now
        if not self._touched:
            self._touched = True
            self._ring()

    def _hurry(self) -> None:
        self._touched_at = self._clock.monotonic()
        self._urgent = True
        self._ring()

    def _let_go(self, waiter: Waiter) -> None:
        """Its caller was cancelled; it may have been let through in the same moment."""
        if waiter.going.done() and not waiter.going.cancelled() and waiter.going.exception() is None:
            self.correct(waiter.going.result(), -1, -waiter.tokens)

    # -- how long a wait would be

    def _expected_wait(self, tokens: int, now: float) -> float:
        """About how long it must wait at least, in seconds."""
        paused = max(self._ledger.paused_until - now, 0.0)
        if self._answer is None or not self._waiting:
            return paused
        pace = self._answer.factor / _MINUTE / (1 + self._answer.others)
        requests, waiting = self._ledger.counted(len(self._waiting), 0)[0], self._waiting.tokens + tokens
        rate = self._ledger.rate
        by_requests = requests / (rate.requests * pace) if rate.requests else 0.0
        by_tokens = (waiting - self._ledger.held[1]) / (rate.tokens * pace) if rate.tokens else 0.0
        return paused + max(by_requests, by_tokens) - _BURST_S

    def _refusal(self, wait: float) -> ModelLimited:
        return refusal(self.name, wait, paused=self._ledger.paused_until > self._clock.monotonic())

    # -- the task that exchanges

    def _ring(self) -> None:
        if self._keeper is None or self._keeper.done():
            # An empty context: the task must not count as a child of whoever came first.
            self._keeper = asyncio.get_running_loop().create_task(self._keep(), context=Context())
        elif self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    async def _keep(self) -> None:
        while self._alive():
            await self._until(self._next())
            if self._clock.monotonic() >= self._due():
                await self._exchange()
                self._serve()
            self._refuse_the_late()
            if not self._alive() and not self._line.alone:
                await self._exchange(leaving=True)  # somebody may come meanwhile

    def _alive(self) -> bool:
        return len(self._waiting) > 0 or self._clock.monotonic() - self._touched_at < _IDLE

    def _due(self) -> float:
        """When the next exchange is due."""
        if self._urgent:
            return self._asked_at + _GAP
        if head := self._waiting.head():
            ready = self._ready_at if head is self._asked_for else 0.0
            return max(self._asked_at + _GAP, min(ready, self._asked_at + _BUSY))
        if self._low:
            return self._asked_at + _LOW
        busy = self._touched or (
            self._asked_at - self._touched_at < _QUIET and not self._ledger.has(self._demand.tokens, self._asked_at)
        )
        return self._asked_at + (_BUSY if busy else _QUIET)

    def _next(self) -> float:
        return min(self._due(), self._waiting.deadline())

    async def _until(self, moment: float) -> None:
        """Wait for it, or for the bell."""
        self._wakes_at = moment
        wait = moment - self._clock.monotonic()
        if wait <= 0:
            return
        loop = asyncio.get_running_loop()
        self._bell = loop.create_future()
        timer = loop.create_task(self._clock.sleep(timedelta(seconds=wait)))
        try:
            await asyncio.wait({timer, self._bell}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            self._bell, self._wakes_at = None, math.inf

    async def _exchange(self, *, leaving: bool = False) -> None:
        self._asked_for, limited = self._waiting.head(), self._ledger.limited is not None
        self._touched = self._low = self._urgent = False
        self._demand.look(min(self._clock.monotonic() - self._asked_at, _QUIET))
        before, self._asked_at = self._answer, self._clock.monotonic()
        if self._line.alone:
            self._answer = self._line.exchange_alone(self._wish())
            self._look_for_others()
        else:
            await self._ask(leaving)
        if self._answer is not None and self._answer is not before:
            self._ready_at = self._asked_at + self._answer.ready_in / SECOND
            self._tell_changes(self._answer)
            if limited and not self._line.alone:
                self._tell_others()

    async def _ask(self, leaving: bool) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                self._answer = await self._line.exchange(lambda: self._wish(leaving=leaving))
        except Exception as error:  # noqa: BLE001 - whatever it is: calls wait, and could-not-ask is an answer
            if leaving:
                return  # the lease ends by itself
            self._line.leave_alone(self._line.peers or self._parts)
            self._say_alone(error)
            self._answer = self._line.exchange_alone(self._wish())
        else:
            if self._alone_told and not leaving:
                self._alone_told = False
                self._emit("llm_limits_shared", model=self.name)

    def _say_alone(self, error: Exception) -> None:
        """Once, until others have been heard again."""
        if not self._alone_told:
            self._alone_told = True
            said = str(error) or type(error).__name__
            self._emit("llm_limits_unshared", model=self.name, parts=self._line.parts, error=said)

    def _wish(self, *, leaving: bool = False) -> Wish:
        counted = self._ledger.counted
        if leaving:
            return Wish(keep=(0, 0), leaving=True)
        others = self._answer.others if self._answer is not None else 0
        head = self._waiting.head()
        if head is None:
            # Others wait: what is not needed goes back.
            return Wish(ahead=counted(*self._demand.ahead), keep=counted(1, self._demand.tokens) if others else None)
        need = counted(1, head.item.tokens)
        behind = counted(len(self._waiting) - 1, 0)[0], max(self._waiting.tokens - head.item.tokens, 0)
        more = behind if self.rate.tokens is not None else (behind[0], 0)
        since = max(head.item.joined, self._served_at)
        return Wish(need, more, counted(*self._demand.ahead), since, keep=need if others else None)

    def _serve(self) -> None:
        now = self._clock.monotonic()
        while (head := self._waiting.head()) and (slot := self._go(head.item.tokens, now)) is not None:
            self._waiting.take(head)
            self._served_at = now
            if head.item.going.done():
                self.correct(slot, -1, -head.item.tokens)
            else:
                head.item.going.set_result(slot)

    def _refuse_the_late(self) -> None:
        """Who can't go in time, as far as we know, is told now."""
        now = self._clock.monotonic()
        first = max(now, self._ledger.paused_until)
        for waiter, could in self._waiting.late(now, first, head=self._asked_for, head_ready=self._ready_at):
            if not waiter.going.done():
                waiter.going.set_exception(self._refusal(max(could - now, 0.0)))

    def _tell_changes(self, answer: Answer) -> None:
        if answer.changed_from is not None:
            why = "429" if answer.factor < answer.changed_from else "recovered"
            provider, _, _ = self.name.partition("/")
            self._emit(
                "llm_rate_changed",
                provider=provider,
                model=self.name,
                factor_before=round(answer.changed_from, 3),
                factor=round(answer.factor, 3),
                paused=timedelta(microseconds=answer.paused_for),
                why=why,
            )

    def _look_for_others(self) -> None:
        if self._probe is None or self._probe.done():
            self._probe = asyncio.get_running_loop().create_task(self._reach(), context=Context())

    async def _reach(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._line.reachable()
        except Exception:  # noqa: BLE001 - as above
            await self._clock.sleep(timedelta(seconds=_BUSY))
            return
        self._line.rejoin()
        self._hurry()
