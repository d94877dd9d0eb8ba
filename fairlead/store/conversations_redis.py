"""Conversations in Redis: one hash each, which Redis itself lets expire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fairlead.database.redis_door import RedisDoor
from fairlead.store.conversations import MOST_KEYS

_PUT = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""
_ALL = "return redis.call('HGETALL', KEYS[1])"
_DELETE = "return redis.call('HDEL', KEYS[1], ARGV[1])"
_FORGET = "return redis.call('UNLINK', KEYS[1])"
_MILLISECOND = timedelta(milliseconds=1)


class RedisConversations:
    """Closes its door."""

    def __init__(self, door: RedisDoor) -> None:
        self._door = door

    async def all(self, of: str) -> dict[str, bytes]:
        flat: list[Any] = await self._door.run(_ALL, _key(of))
        return {key.decode(errors="surrogatepass"): value for key, value in zip(flat[::2], flat[1::2], strict=True)}

    async def put(self, of: str, key: str, value: bytes, *, lives: timedelta) -> bool:
        args = (_bytes(key), value, max(1, lives // _MILLISECOND), MOST_KEYS)
        return bool(await self._door.run(_PUT, _key(of), args=args))

    async def delete(self, of: str, key: str) -> None:
        await self._door.run(_DELETE, _key(of), args=(_bytes(key),))

    async def forget(self, of: str) -> None:
        await self._door.run(_FORGET, _key(of))

    async def aclose(self) -> None:
        await self._door.aclose()


def _key(of: str) -> str:
    return f"fairlead:conversation:{{{of}}}"


def _bytes(key: str) -> bytes:
    return key.encode(errors="surrogatepass")
