"""The door to Redis: our scripts, with its errors in our words. Opened when it is first used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from fairlead.config import Secret
from fairlead.errors import ConfigurationError, DatabaseUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

_TIMEOUT_S = 2.0


class RedisDoor:
    """Runs Lua scripts. Raises DatabaseUnavailable when Redis can't be asked. Of an address that is rotated, new
    connections take the new user and password; its host stays."""

    def __init__(self, url: Secret | str, *, connections: int = 20) -> None:
        try:
            from redis import asyncio as redis  # extra
            from redis.exceptions import AuthenticationError, RedisError  # extra
        except ImportError as error:
            raise ConfigurationError(
                "REDIS_URL is set, and the package redis is not installed.", hint="pip install 'fairlead[redis]'"
            ) from error
        self._errors = (RedisError, OSError, TimeoutError)
        self._refused = AuthenticationError
        self._url = Secret(url) if isinstance(url, str) else url
        options: dict[str, Any] = {"socket_timeout": _TIMEOUT_S, "socket_connect_timeout": _TIMEOUT_S}
        address, login = _split(self._url.value)
        if login:
            options["credential_provider"] = _Login(self._url)
        options |= {"max_connections": connections, "timeout": _TIMEOUT_S}
        pool = redis.BlockingConnectionPool.from_url(address, **options)  # pyright: ignore[reportUnknownMemberType]
        self._redis: Redis = redis.Redis.from_pool(pool)

    async def run(self, script: str, *keys: str, args: tuple[str | bytes | int, ...] = ()) -> Any:
        async def ask() -> Any:
            # Always as text: a script of a few lines costs Redis less than to remember for us whether it knows it.
            answer: Any = self._redis.eval(script, len(keys), *keys, *args)
            return await answer

        return await self._ask(ask)

    async def get(self, key: str) -> bytes | None:
        return await self._ask(lambda: self._redis.get(key))

    async def put(self, key: str, value: bytes, *, milliseconds: int) -> None:
        await self._ask(lambda: self._redis.set(key, value, px=milliseconds))

    async def ping(self) -> None:
        client: Any = self._redis
        await self._ask(lambda: client.ping())

    async def memory(self) -> tuple[int, int, str]:
        """Bytes that it uses, and that it may use (0: as many as the machine has), and what it does beyond them."""
        client: Any = self._redis
        told = await self._ask(lambda: client.info("memory"))
        return int(told["used_memory"]), int(told.get("maxmemory") or 0), str(told.get("maxmemory_policy", ""))

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _ask(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Once more with a password that was rotated: what was not let in had no effect."""
        url = self._url.value
        try:
            try:
                return await ask()
            except self._refused:
                if not await self._url.refused(url):
                    raise
            return await ask()
        except self._errors as error:
            said = str(error) or type(error).__name__
            raise DatabaseUnavailable(f"Redis can't be asked: {said}.", hint="Check REDIS_URL.") from error


class _Login:
    """What the client asks for each time it connects."""

    def __init__(self, url: Secret) -> None:
        self._url = url

    def get_credentials(self) -> tuple[str, ...]:
        return _split(self._url.value)[1]

    async def get_credentials_async(self) -> tuple[str, ...]:
        return self.get_credentials()


def _split(url: str) -> tuple[str, tuple[str, ...]]:
    """The address without its login, and the login: user and password, the password alone, or none."""
    parts = urlsplit(url)
    login = tuple(unquote(one) for one in (parts.username, parts.password) if one)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), login
