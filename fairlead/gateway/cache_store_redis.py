"""Answers kept in Redis, which forgets by itself: its own `maxmemory` bounds it."""

from __future__ import annotations

import math
from datetime import timedelta

from fairlead.database.redis_door import RedisDoor


class RedisCacheStore:
    """Closes its door."""

    at_once = False

    def __init__(self, door: RedisDoor) -> None:
        self._door = door

    async def get(self, key: str) -> bytes | None:
        return await self._door.get(_key(key))

    async def put(self, key: str, value: bytes, *, tenant: str, keep: timedelta) -> None:
        await self._door.put(_key(key), value, milliseconds=max(math.ceil(keep.total_seconds() * 1000), 1))

    async def aclose(self) -> None:
        await self._door.aclose()


def _key(key: str) -> str:
    return f"fairlead:cache:{key}"
