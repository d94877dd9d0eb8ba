"""How often a caller may start work: a sliding window over all processes, 100 in 60 seconds when nothing else is set.

    take ──► the store counts, in one round trip ──► room left: go on        none left: RateLimitError, with when to try
             it does not answer ──► counted in this process alone, until it does

The window slides by a sixtieth of its length at a time. What was taken in such a part counts whole until all of the
part is behind the window: nobody ever starts more than so many within any window, and a place is free again at most a
part later than it could be. A list of moments would be exact at both ends, and a million long for a limit of a million.
What is refused is not counted: who keeps asking is let in as soon as others would be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from fairlead.access.roles import Principal
from fairlead.clock import Clock
from fairlead.errors import DatabaseUnavailable, RateLimitError
from fairlead.telemetry.emit import Emit

_TRY_AGAIN_S = 1.0  # to ask a store that did not answer
PARTS = 60  # of a window
_MOST_KEPT = 10_000  # callers that a process counts by itself


@dataclass(frozen=True, slots=True)
class Window:
    """`most` in `length`."""

    most: int
    length: timedelta

    @property
    def part(self) -> int:
        """By how many microseconds it slides."""
        return -(-(self.length // timedelta(microseconds=1)) // PARTS)

    def first(self, part: int) -> int:
        """The oldest that counts while `part` is now: the window begins somewhere in it."""
        return part - PARTS

    def freed(self, part: int) -> int:
        """When a part counts no more."""
        return (part + PARTS + 1) * self.part


@dataclass(frozen=True, slots=True)
class Taken:
    """What a store answers: `granted` of what was asked for, how many count with those, and its clock. Where less was
    granted than asked for, `parts` says how many were taken in each that counts."""

    granted: int
    used: int
    at: int
    parts: Mapping[int, int] = field(default_factory=dict[int, int])


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
    """For one process alone. Of callers whom nobody has seen for a window nothing is kept."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Taken] = {}

    async def take(self, caller: str, amount: int, window: Window) -> Taken:
        at = self._clock.micros()
        if len(self._kept) >= _MOST_KEPT and caller not in self._kept:
            first = window.first(at // window.part)
            self._kept = {name: kept for name, kept in self._kept.items() if kept.at // window.part >= first}
        self._kept[caller] = taken = taken_at(at, amount, window, self._kept.get(caller))
        return taken

    async def aclose(self) -> None:
        pass


def taken_at(at: int, amount: int, window: Window, before: Taken | None) -> Taken:
    """All of `amount`, or none of it. A clock that was set back a little stands still, one that was set back further
    begins the window anew."""
    parts: dict[int, int] = {}
    if before is not None:
        at = before.at if 0 <= before.at - at <= window.part else at
        now = at // window.part
        parts = {part: count for part, count in before.parts.items() if window.first(now) <= part <= now}
    used = sum(parts.values())
    granted = amount if used + amount <= window.most else 0
    if granted:
        now = at // window.part
        parts[now] = parts.get(now, 0) + granted
    return Taken(granted, used + granted, at, parts)


def wait_of(taken: Taken, amount: int, window: Window) -> timedelta:
    """How long until there is room for so much, if nobody takes any: until the parts are free that are too much."""
    used = amount
    for part in sorted(taken.parts, reverse=True):
        used += taken.parts[part]
        if used > window.most:
            return timedelta(microseconds=window.freed(part) - taken.at)
    return timedelta(0)


def room_of(taken: Taken, window: Window) -> Room:
    """After something was granted: that is the last to leave."""
    reset = window.freed(taken.at // window.part) - taken.at
    return Room(window, window.most - taken.used, timedelta(microseconds=reset))


def _name_of(caller: Principal) -> str:
    """One limit for all keys of a user would let one program of theirs stop the others: a key has its own."""
    return f"{caller.tenant}/{caller.key_id or caller.user or caller.name}"
