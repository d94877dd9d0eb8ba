"""How often a caller may start work: a sliding window over all processes, 100 in 60 seconds when nothing else is set.

    take ──► the store counts, in one round trip ──► room left: go on        none left: RateLimitError, with when to try
             it does not answer ──► counted in this process alone, until it does

The window slides as two buckets do: what was taken in the bucket before counts by the part of it that the window still
covers. That takes two numbers for a caller where a list of moments takes a hundred, and is wrong by no more than how
unevenly those came. What is refused is not counted: who keeps asking is let in as soon as others would be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from fairlead.access.roles import Principal
from fairlead.clock import Clock
from fairlead.errors import DatabaseUnavailable, RateLimitError
from fairlead.telemetry.emit import Emit

_TRY_AGAIN_S = 1.0  # to ask a store that did not answer
_MOST_KEPT = 10_000  # callers that a process counts by itself


@dataclass(frozen=True, slots=True)
class Window:
    """`most` in `length`."""

    most: int
    length: timedelta

    @property
    def micros(self) -> int:
        return self.length // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a store answers: `granted` of what was asked for, what the two buckets hold now, and its clock."""

    granted: int
    before: int
    now: int
    at: int


class RateStore(Protocol):
    """Where what was taken is counted. Raises DatabaseUnavailable when it can't be asked."""

    async def take(self, caller: str, amount: int, window: Window) -> Taken:
        """All of `amount`, or none of it."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Room:
    """What is left to a caller, and how long until the window has slid past all they took."""

    window: Window
    left: int
    reset: timedelta

    def headers(self) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
        """draft-ietf-httpapi-ratelimit-headers-10, sections 4 and 5."""
        seconds = self.window.length.total_seconds()
        told = f'"runs";r={self.left};t={math.ceil(self.reset.total_seconds())}'
        return (b"ratelimit-policy", f'"runs";q={self.window.most};w={seconds:.0f}'.encode()), (
            b"ratelimit",
            told.encode(),
        )


class RateLimit:
    """Of one process. `store` None: it is the only one, and counts by itself."""

    def __init__(self, window: Window, *, store: RateStore | None, clock: Clock, emit: Emit) -> None:
        self._window = window
        self._own = MemoryRateStore(clock=clock)
        self._store = store
        self._clock = clock
        self._emit = emit
        self._away_until: float | None = None  # the store did not answer; asked again then
        self._away_since = 0.0

    @property
    def shared(self) -> bool:
        """False: the store does not answer, and each process counts by itself."""
        return self._away_until is None

    async def take(self, caller: Principal, amount: int = 1) -> Room | None:
        """None: nobody counts (no limit is set, or the caller is on this machine and was asked for no key).

        Raises `RateLimitError`.
        """
        window = self._window
        if window.most == 0 or (caller.installation and caller.name == "local"):
            return None
        if amount > window.most:
            raise RateLimitError(
                f"{amount} at once are more than the {window.most} that may be started in "
                f"{window.length.total_seconds():.0f} s.", retry_after=window.length, hint="Send smaller groups.",
            )  # fmt: skip
        taken = await self._take(_name_of(caller), amount)
        if taken.granted < amount:
            wait = wait_of(taken, amount, window)
            self._emit("request_limited", caller=caller.name, tenant=caller.tenant, retry_after=wait)
            raise RateLimitError(
                f"{caller.name} started {window.most} in the last {window.length.total_seconds():.0f} s.",
                retry_after=wait, hint="Wait as Retry-After says, or ask the operator to raise RATE_LIMIT.",
            )  # fmt: skip
        return room_of(taken, window)

    async def aclose(self) -> None:
        if self._store is not None:
            await self._store.aclose()

    async def _take(self, caller: str, amount: int) -> Taken:
        if self._store is None or (self._away_until is not None and self._clock.monotonic() < self._away_until):
            return await self._own.take(caller, amount, self._window)
        try:
            taken = await self._store.take(caller, amount, self._window)
        except DatabaseUnavailable as error:
            if self._away_until is None:
                self._away_since = self._clock.monotonic()
                self._emit("rate_limit_unshared", error=str(error))
            self._away_until = self._clock.monotonic() + _TRY_AGAIN_S
            return await self._own.take(caller, amount, self._window)
        if self._away_until is not None:
            self._away_until = None
            self._emit("rate_limit_shared", took=timedelta(seconds=self._clock.monotonic() - self._away_since))
        return taken


class MemoryRateStore:
    """For one process alone. Of callers whom nobody has seen for two windows nothing is kept."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[int, int, int]] = {}  # number of the bucket, in the one before, in this

    async def take(self, caller: str, amount: int, window: Window) -> Taken:
        at = self._clock.micros()
        number = at // window.micros
        kept, before, now = self._kept.get(caller, (number, 0, 0))
        if kept != number:
            before, now = (now if kept == number - 1 else 0), 0
        granted = amount if weight(before, now, at, window) + amount <= window.most else 0
        if len(self._kept) >= _MOST_KEPT and caller not in self._kept:
            self._kept = {name: one for name, one in self._kept.items() if one[0] >= number - 1}
        self._kept[caller] = (number, before, now + granted)
        return Taken(granted, before, now + granted, at)

    async def aclose(self) -> None:
        pass


def weight(before: int, now: int, at: int, window: Window) -> int:
    """How much of the window is used, rounded down."""
    return before * (window.micros - at % window.micros) // window.micros + now


def wait_of(taken: Taken, amount: int, window: Window) -> timedelta:
    """How long until there is room for so much, if nobody takes any."""
    size, into = window.micros, taken.at % window.micros
    free = window.most - amount  # that the window may hold then
    if taken.now <= free:  # in this bucket, when less of the one before counts
        return timedelta(microseconds=max(1, _slid(taken.before, free - taken.now, size) - into))
    return timedelta(microseconds=size - into + _slid(taken.now, free, size))


def room_of(taken: Taken, window: Window) -> Room:
    size, into = window.micros, taken.at % window.micros
    left = max(0, window.most - weight(taken.before, taken.now, taken.at, window))
    return Room(window, left, timedelta(microseconds=2 * size - into if taken.now else size - into))


def _slid(count: int, at_most: int, size: int) -> int:
    """How far into a bucket no more than `at_most` of the `count` of the one before it still count."""
    if count <= at_most:
        return 0
    return max(0, size - ((at_most + 1) * size - 1) // count)


def _name_of(caller: Principal) -> str:
    """One limit for all keys of a user would let one program of theirs stop the others: a key has its own."""
    return f"{caller.tenant}/{caller.key_id or caller.user or caller.name}"
