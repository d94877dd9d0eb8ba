"""The door to where processes share what is left of a provider's limits: two methods, since the arithmetic is ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fairlead.clock import Clock


@dataclass(frozen=True, slots=True)
class Kept:
    """`version` is 0 when nothing is kept. `now` is the store's clock, the same for all processes."""

    version: int
    text: str
    now: int


class RateStore(Protocol):
    """Raises DatabaseUnavailable when it can't be asked; whether a `swap` then took effect is not known."""

    async def read(self, name: str) -> Kept: ...

    async def swap(self, name: str, version: int, text: str) -> bool:
        """Keep this instead, if what is kept is still `version`; False when another process was quicker."""
        ...

    async def aclose(self) -> None: ...


class MemoryRateStore:
    """For one process alone."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[int, str]] = {}

    async def read(self, name: str) -> Kept:
        version, text = self._kept.get(name, (0, ""))
        return Kept(version, text, self._clock.micros())

    async def swap(self, name: str, version: int, text: str) -> bool:
        if self._kept.get(name, (0, ""))[0] != version:
            return False
        self._kept[name] = (version + 1, text)
        return True

    async def aclose(self) -> None:
        pass
