"""The door to Redis: our scripts, with its errors in our words. Opened when it is first used."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fairlead.errors import ConfigurationError, DatabaseUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

_TIMEOUT_S = 2.0


class RedisDoor:
    """Runs Lua scripts. Raises DatabaseUnavailable when Redis can't be asked."""

    def __init__(self, url: str, *, connections: int = 20) -> None:
        try:
            from redis import asyncio as redis  # extra
            from redis.exceptions import RedisError  # extra
        except ImportError as error:
            raise ConfigurationError(
                "REDIS_URL is set, and the package redis is not installed.", hint="pip install 'fairlead[redis]'"
            ) from error
        self._errors = (RedisError, OSError, TimeoutError)
        options: dict[str, Any] = {"socket_timeout": _TIMEOUT_S, "socket_connect_timeout": _TIMEOUT_S}
        pool = redis.BlockingConnectionPool.from_url(url, max_connections=connections, timeout=_TIMEOUT_S, **options)  # pyright: ignore[reportUnknownMemberType]
        self._redis: Redis = redis.Redis.from_pool(pool)

    async def run(self, script: str, *keys: str, args: tuple[str | bytes | int, ...] = ()) -> Any:
        async with self._translated():
            # Always as text: a script of a few lines costs Redis less than to remember for us whether it knows it.
            answer: Any = self._redis.eval(script, len(keys), *keys, *args)
            return await answer

    async def get(self, key: str) -> bytes | None:
        async with self._translated():
            answer: Any = await self._redis.get(key)
            return answer

    async def put(self, key: str, value: bytes, *, milliseconds: int) -> None:
        async with self._translated():
            await self._redis.set(key, value, px=milliseconds)

    async def aclose(self) -> None:
        await self._redis.aclose()

    @asynccontextmanager
    async def _translated(self) -> AsyncGenerator[None]:
        try:
            yield
        except self._errors as error:
            said = str(error) or type(error).__name__
            raise DatabaseUnavailable(f"Redis can't be asked: {said}.", hint="Check REDIS_URL.") from error
