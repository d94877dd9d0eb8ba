"""Whose turn it is among calls that wait.

The higher priority goes first; within it the tenant that has had least, counted by the cost of its calls; within a
tenant who came first. Every fourth turn belongs to whoever has waited longest, so that nobody starves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
_OLDEST_EVERY = 4
_SPARE = 16


@dataclass(eq=False, slots=True)
class Place(Generic[T]):
    """A place in the queue."""

    item: T
    tenant: str
    priority: int
    cost: float
    number: int = 0
    waits: bool = True


@dataclass(slots=True)
class _Level(Generic[T]):
    """The calls of one priority. `had` is what each tenant has had since it began to wait; who comes starts where the
    one who has had least is, for nobody saves up turns while away."""

    tenants: dict[str, OrderedDict[int, Place[T]]] = field(default_factory=dict[str, "OrderedDict[int, Place[T]]"])
    had: dict[str, float] = field(default_factory=dict[str, float])
    floor: float = 0.0

    def forget(self) -> None:
        """Who is not ahead of the others any more; who is, must not start anew by coming back."""
        if len(self.had) > 2 * len(self.tenants) + _SPARE:
            self.had = {name: had for name, had in self.had.items() if had > self.floor or name in self.tenants}


class FairQueue(Generic[T]):
    def __init__(self) -> None:
        self._levels: dict[int, _Level[T]] = {}
        self._all: OrderedDict[int, Place[T]] = OrderedDict()
        self._numbers = 0
        self._turns = 0

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Place[T]]:
        """In the order in which they came."""
        return iter(self._all.values())

    def put(self, item: T, *, tenant: str, priority: int = 0, cost: float = 1.0) -> Place[T]:
        self._numbers += 1
        place = Place(item, tenant, priority, cost, self._numbers)
        level = self._levels.setdefault(priority, _Level())
        if tenant not in level.tenants:
            level.tenants[tenant] = OrderedDict()
            level.had[tenant] = max(level.had.get(tenant, 0.0), level.floor)
        level.tenants[tenant][place.number] = place
        self._all[place.number] = place
        return place

    def head(self) -> Place[T] | None:
        """Whose turn it is; `take` it, or it stays so."""
        if not self._all:
            return None
        if self._turns % _OLDEST_EVERY == _OLDEST_EVERY - 1:
            return next(iter(self._all.values()))
        level = self._levels[max(self._levels)]
        tenant = min(level.tenants, key=lambda name: (level.had[name], next(iter(level.tenants[name]))))
        return next(iter(level.tenants[tenant].values()))

    def take(self, place: Place[T]) -> None:
        """It had its turn."""
        level = self._levels[place.priority]
        level.floor = max(level.floor, level.had[place.tenant])
        level.had[place.tenant] += place.cost
        self._turns += 1
        self.drop(place)

    def drop(self, place: Place[T]) -> None:
        """It waits no more. Dropping it again changes nothing."""
        if not place.waits:
            return
        place.waits = False
        del self._all[place.number]
        level = self._levels[place.priority]
        waiting = level.tenants[place.tenant]
        del waiting[place.number]
        if not waiting:
            del level.tenants[place.tenant]
            level.forget()
        if not level.tenants:
            del self._levels[place.priority]
