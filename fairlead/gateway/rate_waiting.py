"""The calls of one process that wait for a rate, and what has been asked for lately."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from datetime import timedelta

from fairlead.errors import ModelLimited
from fairlead.gateway.fair_queue import FairQueue, Place
from fairlead.gateway.rate import Pair, Rate
from fairlead.gateway.types import Caller

_AHEAD_S = 2.0  # of our own calls: what we would like to hold
_SHORTEST = 0.1  # seconds in which demand is counted


@dataclass(eq=False, slots=True)
class Waiter:
    tokens: int
    joined: float
    deadline: float
    going: asyncio.Future[int]


class Waiting:
    def __init__(self, rate: Rate) -> None:
        self.tokens = 0
        """Of all who wait."""
        self._rate = rate
        self._queue: FairQueue[Waiter] = FairQueue()

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, waiter: Waiter, caller: Caller) -> Place[Waiter]:
        self.tokens += waiter.tokens
        cost = self._cost(waiter.tokens)
        return self._queue.put(waiter, tenant=caller.tenant, priority=caller.priority, cost=cost)

    def head(self) -> Place[Waiter] | None:
        return self._queue.head()

    def take(self, place: Place[Waiter]) -> None:
        self._queue.take(place)
        self.tokens -= place.item.tokens

    def drop(self, place: Place[Waiter]) -> None:
        if place.waits:
            self._queue.drop(place)
            self.tokens -= place.item.tokens

    def deadline(self) -> float:
        """The first of all."""
        return min((place.item.deadline for place in self._queue), default=math.inf)

    def late(
        self, now: float, ready: float, *, head: Place[Waiter] | None, head_ready: float
    ) -> list[tuple[Waiter, float]]:
        """Takes out those who can't go in time, each with the moment at which it could have gone: nobody before
        `ready`, and `head` not before `head_ready`."""
        late = [
            (place, could)
            for place in self._queue
            for could in (max(ready, head_ready) if place is head else ready,)
            if place.item.deadline < could or place.item.deadline <= now
        ]
        for place, _ in late:
            self.drop(place)
        return [(place.item, could) for place, could in late]

    def _cost(self, tokens: int) -> float:
        """In minutes of the rate, so that tenants with large calls get as much as those with many."""
        rate = self._rate
        return max(1 / rate.requests if rate.requests else 0.0, tokens / rate.tokens if rate.tokens else 0.0, 1e-9)


def refusal(name: str, wait: float, *, paused: bool) -> ModelLimited:
    said = "paused by its provider" if paused else "at its rate limit"
    return ModelLimited(
        f"{name} is {said}: the call could go in {wait:.1f} s, which is too late.",
        retry_after=timedelta(seconds=max(wait, 0.0)),
        hint="Allow more time, raise the limit, or name a fallback.",
    )


@dataclass(slots=True)
class Demand:
    """What has been asked for lately, so that as much is at hand."""

    calls: float = 0.0  # a second
    calls_ahead: int = 1
    tokens: int = 0  # of the last call
    _seen: int = 0

    def note(self, tokens: int) -> None:
        self._seen += 1
        self.tokens = tokens

    def look(self, seconds: float) -> None:
        self.calls += (self._seen / max(seconds, _SHORTEST) - self.calls) * min(seconds / _AHEAD_S, 1.0)
        self._seen = 0
        self.calls_ahead = max(math.ceil(self.calls * _AHEAD_S), 1)

    @property
    def ahead(self) -> Pair:
        return self.calls_ahead, self.calls_ahead * self.tokens
