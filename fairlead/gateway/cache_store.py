"""The door to where answers are kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import Protocol

from fairlead.clock import Clock


class CacheStore(Protocol):
    """Raises DatabaseUnavailable when it can't be asked. It may forget at any time, and gives nothing that is older
    than it was to be kept."""

    @property
    def at_once(self) -> bool:
        """Nothing is waited for: not even `put` is worth a task of its own."""
        ...

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, *, tenant: str, keep: timedelta) -> None: ...

    async def aclose(self) -> None: ...


class MemoryCacheStore:
    """Up to so many bytes in this process; what has not been asked for longest goes first."""

    at_once = True

    def __init__(self, *, clock: Clock, most_bytes: int = 64 * 1024 * 1024) -> None:
        self._clock = clock
        self._most = most_bytes
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self.bytes = 0

    async def get(self, key: str) -> bytes | None:
        found = self._kept.get(key)
        if found is None:
            return None
        if found[0] <= self._clock.monotonic():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return found[1]

    async def put(self, key: str, value: bytes, *, tenant: str, keep: timedelta) -> None:
        if key in self._kept:
            self._drop(key)
        size = _size(key, value)
        if size > self._most:
            return
        # A copy of just its size: what wrote it grew it by doubling, and the rest of that would lie idle beside it.
        self._kept[key] = (self._clock.monotonic() + keep.total_seconds(), bytes(memoryview(value)))
        self.bytes += size
        while self.bytes > self._most:
            self._drop(next(iter(self._kept)))

    async def aclose(self) -> None:
        self._kept.clear()
        self.bytes = 0

    def _drop(self, key: str) -> None:
        self.bytes -= _size(key, self._kept.pop(key)[1])


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + 300  # about what Python needs for the entry
