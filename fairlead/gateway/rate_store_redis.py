"""Limits shared through Redis. It may forget: then a minute begins anew."""

from __future__ import annotations

from typing import Any

from fairlead.database.redis_door import RedisDoor
from fairlead.gateway.rate_store import Kept

_READ = """
local now = redis.call('TIME')
local kept = redis.call('HMGET', KEYS[1], 'version', 'state')
return {tonumber(now[1]) * 1000000 + tonumber(now[2]), tonumber(kept[1] or '0'), kept[2] or ''}
"""
_SWAP = """
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""
_KEEP_S = 2 * 86_400  # the longest pause is a day


class RedisRateStore:
    """Closes its door."""

    def __init__(self, door: RedisDoor) -> None:
        self._door = door

    async def read(self, name: str) -> Kept:
        now, version, state = await self._door.run(_READ, _key(name))
        return Kept(int(version), bytes(state).decode(), int(now))

    async def swap(self, name: str, version: int, text: str) -> bool:
        done: Any = await self._door.run(_SWAP, _key(name), args=(version, version + 1, text, _KEEP_S))
        return bool(done)

    async def aclose(self) -> None:
        await self._door.aclose()


def _key(name: str) -> str:
    return f"fairlead:rate:{name}"
